import Codecs
import Foundation
import Media
import TestSupport
import Testing

/// Videos against the frames that the ffmpeg program decodes of them (`scripts/reference/videos`).
@Suite("Video files") struct VideoFileTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/videos")
    static let names = ["h264.mp4", "odd.avi", "mpeg4.mkv", "variable.mkv", "plain.webm", "full.mp4", "turned.mp4"]

    private static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A changed copy of a video, deleted with the value.
    private final class Copy {
        let path = NSTemporaryDirectory() + "syrinx-video-\(UUID().uuidString)"
        init(_ name: String, _ change: (inout Data) -> Void = { _ in }) throws {
            var data = try Data(contentsOf: URL(fileURLWithPath: VideoFileTests.path(name)))
            change(&data)
            try data.write(to: URL(fileURLWithPath: path))
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func images(_ path: String, count: Int, side: Int? = nil) throws -> [Image] {
        try VideoFile(path).frames(count: count, side: side) { $0 }.values
    }

    /// The largest difference of two images' values.
    private static func difference(_ a: Image, _ b: ArraySlice<UInt8>) throws -> Int {
        try pairs(a.pixels, b).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
    }

    @Test func `Videos are told from other files by their beginning`() throws {
        #expect(Self.names.allSatisfy { VideoFile.isVideo(Self.path($0)) })
        let others = ["sound.ogg", "odd.avi.rgb", "full.mp4.28.rgb", "none.mp4", "."]
        #expect(others.filter { VideoFile.isVideo(Self.path($0)) } == [])
    }

    // Another version of the scaler, or of its assembly, may round otherwise; here the difference is 0.
    @Test(arguments: names) func `Every frame equals what ffmpeg decodes`(name: String) throws {
        let video = try VideoFile(Self.path(name))
        let expected = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(name + ".rgb"))))
        let size = video.info.width * video.info.height * 3
        #expect(expected.count == size * video.info.frameCount)
        for count in [video.info.frameCount, 3, 1] {
            let (indices, images) = try video.frames(count: count) { $0 }
            #expect(indices == FrameSampling.indices(count: count, of: video.info.frameCount))
            for (index, image) in try pairs(indices, images) {
                #expect(image.width == video.info.width && image.height == video.info.height)
                #expect(try Self.difference(image, expected[(size * index)..<(size * (index + 1))]) <= 3)
            }
            // A wrong frame would not pass: neighbours differ by far more.
            if count > 3 { #expect(try Self.difference(images[0], ArraySlice(images[2].pixels)) > 30) }
        }
    }

    // Of a turned video the decoder scales what is stored and ffmpeg what is upright, which is not the same for colours.
    @Test(arguments: names.filter { $0 != "turned.mp4" }) func `Frames scaled by the decoder equal ffmpeg's bicubic`(
        name: String
    ) throws {
        let expected = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(name + ".28.rgb"))))
        let size = 28 * 28 * 3
        let (indices, images) = try VideoFile(Self.path(name)).frames(count: 4, side: 28) { $0 }
        for (index, image) in try pairs(indices, images) {
            #expect(image.width == 28 && image.height == 28)
            #expect(try Self.difference(image, expected[(size * index)..<(size * (index + 1))]) <= 4)
        }
    }

    @Test func `The file's kind, size, turn, frames and length are told`() throws {
        let info = try VideoFile(Self.path("h264.mp4")).info
        #expect(info.container.contains("mp4") && info.codec == "h264" && info.frameCount == 23)
        #expect(info.width == 20 && info.height == 16 && abs(info.seconds - 2.3) < 0.01)
        let turned = try VideoFile(Self.path("turned.mp4")).info
        #expect(turned.width == 16 && turned.height == 24 && turned.orientation != .upright)
        #expect(try VideoFile(Self.path("odd.avi")).info.width == 21)
        let variable = try VideoFile(Self.path("variable.mkv")).info
        #expect(variable.frameCount == 7 && variable.seconds > 3.6)
    }

    @Test func `More frames than there are come twice`() throws {
        let (indices, images) = try VideoFile(Self.path("full.mp4")).frames(count: 8) { $0 }
        #expect(indices == [0, 0, 1, 2, 2, 2, 3, 4])
        #expect(images.count == 8 && images[0] == images[1])
    }

    @Test func `What a container claims about its frames is not believed`() throws {
        // The AVI header's total and the stream's length, both 9 in truth.
        let lying = try Copy("odd.avi") { data in
            for place in data.indices.dropLast(4)
            where data[place..<(place + 4)].elementsEqual([9, 0, 0, 0]) && place < 400 {
                data.replaceSubrange(place..<(place + 4), with: [0xFF, 0xFF, 0xFF, 0x0F])
            }
        }
        let video = try VideoFile(lying.path)
        #expect(video.info.frameCount == 9)
        #expect(try video.frames(count: 9) { $0 }.values == Self.images(Self.path("odd.avi"), count: 9))
    }

    @Test func `A video cut short gives the frames that it still has`() throws {
        let cut = try Copy("mpeg4.mkv") { $0 = $0.prefix($0.count * 2 / 3) }
        let video = try VideoFile(cut.path)
        #expect(video.info.frameCount > 3 && video.info.frameCount < 13)
        let whole = try Self.images(Self.path("mpeg4.mkv"), count: 13)
        #expect(try video.frames(count: 1) { $0 }.values[0].width == 18)
        #expect(try Self.images(cut.path, count: video.info.frameCount)[0] == whole[0])
    }

    @Test func `Frames that cannot be decoded are left out of the count`() throws {
        // Everything between the first and the last frame of the one group of images is noise.
        let damaged = try Copy("odd.avi") { data in
            let middle = data.count / 3..<data.count * 2 / 3
            data.replaceSubrange(middle, with: repeatElement(0x5A, count: middle.count))
        }
        let video = try VideoFile(damaged.path)
        let counted = video.info.frameCount
        let (indices, images) = try video.frames(count: 20) { $0 }
        #expect(images.count == 20 && video.info.frameCount <= counted && video.info.frameCount > 0)
        #expect(indices.allSatisfy { $0 < video.info.frameCount })
    }

    @Test func `What is no video is refused in one sentence that names the file`() throws {
        func refusal(_ path: String, limits: VideoLimits = .default) -> String {
            let error = #expect(throws: VideoError.self) { try VideoFile(path, limits: limits).frames(count: 2) { $0 } }
            return error?.description ?? ""
        }
        let text = try Copy("h264.mp4") { $0 = Data("a line of text\n".utf8) }
        let empty = try Copy("h264.mp4") { $0 = Data() }
        // The index stands at the end of this file.
        let cut = try Copy("h264.mp4") { $0 = $0.prefix($0.count / 2) }
        #expect(refusal(text.path).hasPrefix("\(text.path): not a readable video: expected MP4"))
        #expect(refusal(empty.path).hasSuffix("found no bytes at all"))
        #expect(refusal(cut.path).contains("not a readable video"))
        #expect(refusal("/nowhere.mp4").contains("No such file or directory"))
        #expect(refusal(NSTemporaryDirectory()).contains("it is a folder"))
        #expect(refusal(Self.path("sound.ogg")).contains("not a video: it has sound or data, but no video stream"))
        let h264 = Self.path("h264.mp4")
        #expect(refusal(h264, limits: VideoLimits(maximumFrameCount: 22)).contains("more than the 22 frames allowed"))
        #expect(
            refusal(h264, limits: VideoLimits(maximumPixelCount: 319)).contains("20 x 16 pixels, more than the 319"))
        #expect(
            refusal(h264, limits: VideoLimits(maximumSeconds: 2)).contains("2 seconds long, more than the 2 allowed"))
        #expect(refusal(h264, limits: VideoLimits(maximumByteCount: 9)).contains("bytes, more than the 9 allowed"))
    }

    @Test func `What is something else than a video is called by its name`() throws {
        func refusal(_ bytes: [UInt8]) throws -> VideoError? {
            let file = try Copy("h264.mp4") { $0 = Data(bytes) }
            #expect(!VideoFile.isVideo(file.path))
            return #expect(throws: VideoError.self) { try VideoFile(file.path) }
        }
        // An MP3 whose tags hold a cover.
        let cover = ImageFixtures.bytes("grey.jpg")
        let tags = Array("ID3".utf8) + [3, 0, 0, 0, 0, 7, 0x76] + Array("APIC".utf8) + [0, 0, 3, 0x6C, 0, 0, 0]
        let sound = try refusal(tags + Array("image/jpeg\0\u{3}\0".utf8) + cover + [0xFF, 0xFB, 0x90, 0x64])
        #expect(sound?.description.contains("not a video: it has sound (MP3), but no video stream") == true)
        #expect(sound?.kind == .noPictures)
        for (file, name) in [
            ("rgb.png", "PNG"), ("baseline-420.jpg", "JPEG"), ("rgb.bmp", "BMP"), ("alpha.avif", "AVIF"),
        ] {
            let error = try refusal(ImageFixtures.bytes(file))
            #expect(error?.description.contains("found an image (\(name)): give it as one") == true, "\(error!)")
        }
        let cut = try Copy("h264.mp4") { $0 = $0.prefix($0.count / 2) }
        let error = #expect(throws: VideoError.self) { try VideoFile(cut.path) }
        #expect(error?.description.contains("a video container that is damaged or truncated") == true)
    }

    @Test func `A playlist opens no other file`() throws {
        let list = try Copy("h264.mp4") {
            $0 = Data("#EXTM3U\n#EXTINF:1,\n\(Self.path("h264.mp4"))\n#EXT-X-ENDLIST\n".utf8)
        }
        let script = try Copy("h264.mp4") { $0 = Data("ffconcat version 1.0\nfile \(Self.path("h264.mp4"))\n".utf8) }
        for path in [list.path, script.path] {
            #expect(throws: VideoError.self) { try VideoFile(path) }
        }
    }

    @Test func `Damage anywhere never ends the program`() throws {
        for name in Self.names {
            let size = try Data(contentsOf: URL(fileURLWithPath: Self.path(name))).count
            for seed in 0..<12 {
                let copy = try Copy(name) { data in
                    for step in 0..<4 { data[(seed * 7919 + step * 104_729) % size] ^= UInt8(1 << (seed % 8)) }
                    if seed % 3 == 0 { data = data.prefix(size * (seed + 1) / 13) }
                }
                _ = try? VideoFile(copy.path).frames(count: 3, side: 28) { $0 }
            }
        }
    }
}
