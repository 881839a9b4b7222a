import CVideo
public import Media

/// A video file whose frames are decoded one at a time, by number: FFmpeg's libraries behind a C face.
///
/// Opening reads every packet once and counts the frames; what the container claims about their number is not believed.
/// Not `Sendable`: one reader owns it.
public final class VideoFile {
    /// What the file holds.
    public struct Info: Sendable, Hashable, Codable {
        /// The container's and the codec's names in FFmpeg, such as `matroska,webm` and `vp9`.
        public var container: String
        public var codec: String
        /// Size of an upright frame in pixels.
        public var width: Int
        public var height: Int
        /// How the stored frames are turned to stand upright.
        public var orientation: Orientation
        /// Frames that can be shown.
        public var frameCount: Int
        /// From the first frame to the end of the last; 0 where the file does not tell.
        public var seconds: Double
    }

    /// What the file holds; `frameCount` falls when fewer frames can be decoded than were counted.
    public private(set) var info: Info

    private let path: String
    private let video: OpaquePointer
    private let storedWidth, storedHeight: Int

    /// Opens a file.
    /// - Throws: `VideoError` for a file that is not a video, or larger than the limits.
    public init(_ path: String, limits: VideoLimits = .default) throws(VideoError) {
        if case .web = ImageAddress(path) {
            throw VideoError(.unreadable, path: path, reason: ImageAddress.webRefusal)
        }
        guard path != "-" else {
            throw VideoError(
                .unreadable, path: path,
                reason: "a video cannot come from standard input; save it to a file and give its path")
        }
        // FFmpeg would take these for videos of one frame.
        let start = (try? readFile(path, limit: .max, prefix: ImageFormat.signatureLength)) ?? []
        if let format = ImageFormat(signatureOf: start), [.avif, .heic].contains(format) {
            throw Self.imageError(format, path: path)
        }
        var message = [CChar](repeating: 0, count: Int(SYRINX_VIDEO_MESSAGE_SIZE))
        var found = syrinx_video_info()
        var opened: OpaquePointer?
        var bounds = syrinx_video_limits(
            maximum_byte_count: Int64(limits.maximumByteCount), maximum_frame_count: Int64(limits.maximumFrameCount),
            maximum_pixel_count: Int64(limits.maximumPixelCount), maximum_seconds: limits.maximumSeconds)
        let status = syrinx_video_open(path, &bounds, &opened, &found, &message)
        guard status == SYRINX_VIDEO_OK, let opened else {
            throw Self.error(status, path: path, message)
        }
        let orientation = Orientation(rawValue: Int(found.orientation)) ?? .upright
        self.path = path
        video = opened
        (storedWidth, storedHeight) = (Int(found.width), Int(found.height))
        info = Info(
            container: withUnsafeBytes(of: found.container) { Self.text($0) },
            codec: withUnsafeBytes(of: found.codec) { Self.text($0) },
            width: orientation.exchangesSides ? storedHeight : storedWidth,
            height: orientation.exchangesSides ? storedWidth : storedHeight, orientation: orientation,
            frameCount: Int(found.frame_count), seconds: found.seconds)
    }

    deinit { syrinx_video_close(video) }

    /// Whether a file is a video, whole or damaged; its beginning is read, not all of it.
    public static func isVideo(_ path: String) -> Bool {
        do throws(VideoError) {
            // One frame more than this ends the counting.
            _ = try VideoFile(path, limits: VideoLimits(maximumFrameCount: 1))
            return true
        } catch {
            return ![.unreadable, .notAVideo, .noPictures].contains(error.kind)
        }
    }

    /// `count` frames that stand for the whole clip, upright, in the order of showing.
    /// - Parameters:
    ///   - side: the square that the decoder scales each frame to, aspect ignored; nil keeps the size of the file.
    ///   - body: takes each frame and its number as soon as it is decoded, so that only one is held at a time; a frame that
    ///     stands twice comes twice. Where the file turns out to have fewer frames than were counted, everything begins anew.
    /// - Returns: the numbers of the frames, and what `body` made of them.
    /// - Throws: `VideoError`, or what `body` throws.
    public func frames<Result>(
        count: Int, side: Int? = nil, _ body: (Image) throws -> Result
    ) throws -> (indices: [Int], values: [Result]) {
        while true {
            let indices = FrameSampling.indices(count: count, of: info.frameCount)
            var values = [Result]()
            var last: (index: Int, image: Image)?
            for index in indices {
                if last?.index != index {
                    guard let image = try frame(index, side: side) else { break }
                    last = (index, image)
                }
                if let last { values.append(try body(last.image)) }
            }
            if values.count == count { return (indices, values) }
        }
    }

    /// One frame, upright; nil when there are fewer, and then `info.frameCount` says how many.
    private func frame(_ index: Int, side: Int?) throws(VideoError) -> Image? {
        let width = side ?? storedWidth, height = side ?? storedHeight
        var message = [CChar](repeating: 0, count: Int(SYRINX_VIDEO_MESSAGE_SIZE))
        var frameCount: Int64 = 0
        var status: Int32 = 0
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { output, written in
            status = syrinx_video_frame(
                video, Int64(index), Int32(width), Int32(height), output.baseAddress, &frameCount, &message)
            written = status == SYRINX_VIDEO_OK ? width * height * 3 : 0
        }
        if status == SYRINX_VIDEO_END, frameCount < info.frameCount {
            info.frameCount = Int(frameCount)
            return nil
        }
        guard status == SYRINX_VIDEO_OK else { throw Self.error(status, path: path, message) }
        return Image(width: width, height: height, pixels: pixels).turned(upright: info.orientation)
    }

    private static func error(_ status: Int32, path: String, _ message: [CChar]) -> VideoError {
        let reason = message.withUnsafeBytes { text($0) }
        let kind: VideoError.Kind =
            switch Int(status) {
            case SYRINX_VIDEO_UNREADABLE: .unreadable
            case SYRINX_VIDEO_FOREIGN: .notAVideo
            case SYRINX_VIDEO_NO_PICTURES: .noPictures
            case SYRINX_VIDEO_TOO_LARGE: .tooLarge
            case SYRINX_VIDEO_UNSUPPORTED: .unsupported
            case SYRINX_VIDEO_MEMORY: .outOfMemory
            default: .damaged
            }
        guard kind == .notAVideo,
            let start = try? readFile(path, limit: .max, prefix: ImageFormat.signatureLength), !start.isEmpty
        else { return VideoError(kind, path: path, reason: reason) }
        if let format = ImageFormat(signatureOf: start) {
            return imageError(format, path: path)
        }
        if let sound = soundFormat(start) {
            return VideoError(.noPictures, path: path, reason: "it has sound (\(sound)), but no video stream")
        }
        let isContainer = videoSignatures.contains { start.dropFirst($0.offset).starts(with: $0.bytes) }
        let found = isContainer ? "a video container that is damaged or truncated" : ImageFormat.guess(start)
        return VideoError(kind, path: path, reason: "\(found) (\(reason))")
    }

    private static func imageError(_ format: ImageFormat, path: String) -> VideoError {
        VideoError(.notAVideo, path: path, reason: "an image (\(format.rawValue)): give it as one")
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// How containers that are read begin: ISO media, Matroska, AVI, Ogg, FLV, ASF and MPEG.
private let videoSignatures: [(offset: Int, bytes: [UInt8])] = [
    (4, Array("ftyp".utf8)), (4, Array("moov".utf8)), (4, Array("mdat".utf8)), (0, [0x1A, 0x45, 0xDF, 0xA3]),
    (8, Array("AVI ".utf8)), (0, Array("OggS".utf8)), (0, Array("FLV".utf8)), (0, [0x30, 0x26, 0xB2, 0x75]),
    (0, [0, 0, 1, 0xBA]), (0, [0, 0, 1, 0xB3]),
]

/// What a file of sound alone is called, by its first bytes. An MP3 begins with its tags or with eleven bits of
/// synchronisation.
private func soundFormat(_ bytes: [UInt8]) -> String? {
    if bytes.starts(with: "ID3".utf8) { return "MP3" }
    if bytes.count > 1, bytes[0] == 0xFF, bytes[1] & 0xE0 == 0xE0, bytes[1] & 0x06 != 0 { return "MP3" }
    if bytes.starts(with: "fLaC".utf8) { return "FLAC" }
    return bytes.starts(with: "RIFF".utf8) && bytes.dropFirst(8).starts(with: "WAVE".utf8) ? "WAV" : nil
}

/// What is refused before a video is decoded: one hostile file must not take the memory or the hours of a run.
public struct VideoLimits: Sendable, Hashable, Codable {
    /// Most bytes that a file may have.
    public var maximumByteCount: Int
    /// Most frames.
    public var maximumFrameCount: Int
    /// Most pixels of a frame.
    public var maximumPixelCount: Int
    /// Longest duration in seconds.
    public var maximumSeconds: Double

    /// 16 GiB, a million frames, 36 million pixels (8K), six hours.
    public static let `default` = VideoLimits()

    /// Limits; what is not given keeps the default.
    public init(
        maximumByteCount: Int = 16 << 30, maximumFrameCount: Int = 1_000_000, maximumPixelCount: Int = 36_000_000,
        maximumSeconds: Double = 6 * 3600
    ) {
        self.maximumByteCount = maximumByteCount
        self.maximumFrameCount = maximumFrameCount
        self.maximumPixelCount = maximumPixelCount
        self.maximumSeconds = maximumSeconds
    }
}
