import Codecs
import Digests
import Media
package import Processors
import SyrinxModels
import Torch

/// What became of one video on its way into the model.
public struct VideoAccount: MediaAccount, Hashable {
    /// The file.
    public var name: String
    /// The container's and the codec's names in FFmpeg.
    public var container: String
    public var codec: String
    /// Width of an upright frame in pixels.
    public var width: Int
    /// Height of an upright frame in pixels.
    public var height: Int
    /// How the stored frames were turned to stand upright; `upright` when they were not.
    public var orientation: String
    /// Frames that the video has.
    public var frameCount: Int
    /// Its length; 0 where the file does not tell.
    public var seconds: Double
    /// The frames that were looked at, from 0.
    public var frames: [Int]
    /// Tokens it became: those of one clip, or of all its frames.
    public var tokenCount: Int

    init(_ info: VideoFile.Info, name: String, frames: [Int], tokenCount: Int) {
        self.name = name
        container = info.container
        codec = info.codec
        width = info.width
        height = info.height
        orientation = "\(info.orientation)"
        frameCount = info.frameCount
        seconds = info.seconds
        self.frames = frames
        self.tokenCount = tokenCount
    }
}

extension VideoReference {
    /// The video files that `pattern` matches, in alphabetical order, each opened once to see that it is one; a path without
    /// wildcards is that one file.
    /// - Throws: `VideoError` that names the file, and `SyrinxError` when a pattern matches nothing.
    package static func matching(
        _ pattern: String, frameCount: Int = VideoReference.defaultFrameCount
    ) throws -> [VideoReference] {
        try ImageReference.paths(matching: pattern).map { path in
            _ = try VideoFile(path)
            return VideoReference(path: path, frameCount: frameCount)
        }
    }
}

/// Video files: a clip for models that read clips, otherwise the frames as images.
struct VideoPreparer: MediaPreparer {
    var modality: Modality { .video }
    var valuesName: String { "video_pixel_values" }

    func prepare(_ reference: any MediaReference, for model: SyrinxModel) throws -> PreparedReference {
        guard let video = reference as? VideoReference else {
            throw SyrinxError("\(reference.name): a video comes as a VideoReference, not as a \(type(of: reference))")
        }
        return model.model.reads(.video) ? try clip(video, for: model) : try frames(of: video, for: model)
    }

    /// A video's frames as one clip float32[3, F, S, S]: the decoder scales them, as the published code does.
    private func clip(_ video: VideoReference, for model: SyrinxModel) throws -> PreparedReference {
        let file = try VideoFile(video.path)
        let (indices, frames) = try file.frames(count: video.frameCount, side: model.imageProcessor.imageSize) {
            model.imageProcessor.pixelValues(prepared: [$0]).select(dim: 0, index: 0)
        }
        let values = Tensor.stack(frames, dim: 1)
        let media = PreparedMedia(
            modality: .video, values: values, tokenCount: try model.model.tokenCount(of: .video, shape: values.shape),
            id: Digest.sha256(values.bytes()).hex)
        let span = MediaSpan(
            .video, tokenCount: media.tokenCount, name: video.path, extent: [file.info.width, file.info.height])
        let account = VideoAccount(file.info, name: video.path, frames: indices, tokenCount: media.tokenCount)
        return PreparedReference(.video, items: [.init(media, span: span)], accounts: [account])
    }

    /// A video's frames as images, each prepared as the model's images are.
    private func frames(of video: VideoReference, for model: SyrinxModel) throws -> PreparedReference {
        let file = try VideoFile(video.path)
        let (indices, frames) = try file.frames(count: video.frameCount) {
            try model.prepare(ImageReference(.image($0), name: video.path))
        }
        let accounts = zip(indices, frames).map { number, frame in
            var account = frame.account
            account.format = "frame"
            account.frame = number
            return account
        }
        let tokenCount = accounts.reduce(0) { $0 + $1.tokenCount }
        let account = VideoAccount(file.info, name: video.path, frames: indices, tokenCount: tokenCount)
        return PreparedReference(
            .video, items: frames.map { .init($0.media, span: $0.account.span) }, accounts: accounts + [account])
    }
}
