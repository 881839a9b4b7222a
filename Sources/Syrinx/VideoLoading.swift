import Codecs
import Digests
import Media
package import Processors
import SyrinxModels
import Torch

/// What became of one video on its way into the model.
public struct VideoAccount: Codable, Hashable, Sendable {
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
    /// Visual tokens it became: those of one clip, or of all its frames.
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

extension SyrinxModel {
    /// The messages with their images and videos made ready, in order. Where the model reads no clips, every frame that is
    /// looked at has a place in the messages that come back.
    /// - Parameter keepsClips: whether the pixels of clips are kept beside their visual tokens.
    func prepareMedia(
        _ messages: [Message], keepsClips: Bool = false
    ) throws -> (messages: [Message], images: [PreparedImage], videos: [VideoAccount]) {
        var messages = messages
        var images = [PreparedImage]()
        var videos = [VideoAccount]()
        for index in messages.indices {
            messages[index].content = try messages[index].content.flatMap { part -> [ContentPart] in
                switch part {
                case .text: return [part]
                case .image(let image):
                    images.append(try prepare(image))
                    return [part]
                case .video(let video):
                    let (frames, account) =
                        model.readsClips ? try clip(video, keepsPixels: keepsClips) : try frames(of: video)
                    images += frames
                    videos.append(account)
                    return Array(repeating: part, count: frames.count)
                }
            }
        }
        return (messages, images, videos)
    }

    /// A video's frames as one clip, encoded now: the decoder scales them, as the published code does.
    private func clip(_ video: VideoReference, keepsPixels: Bool) throws -> ([PreparedImage], VideoAccount) {
        let file = try VideoFile(video.path)
        let side = imageProcessor.imageSize
        let (indices, frames) = try file.frames(count: video.frameCount, side: side) {
            imageProcessor.pixelValues(prepared: [$0]).select(dim: 0, index: 0)
        }
        let pixelValues = Tensor.stack(frames, dim: 1)  // float32[3, F, S, S]
        let account = ImageAccount(
            name: video.path, format: file.info.codec, width: file.info.width, height: file.info.height,
            orientation: "\(file.info.orientation)", alphaOverWhite: false,
            resize: ImageProcessor.Resize.squash.rawValue, resizedTo: side, tokenCount: contract.visualTokenCount)
        let visualTokens = inferenceMode {
            model.videoTokens(pixelValues.unsqueeze(0).to(device)).select(dim: 0, index: 0)
        }
        let clip = PreparedImage(
            account: account, pixelValues: frames[0], isOfVideo: true, isClip: true,
            clipPixels: keepsPixels ? pixelValues : nil, id: Digest.sha256(pixelValues.bytes()).hex,
            visualTokens: visualTokens)
        return (
            [clip],
            VideoAccount(file.info, name: video.path, frames: indices, tokenCount: contract.visualTokenCount)
        )
    }

    /// A video's frames as images, each prepared as the model's images are.
    private func frames(of video: VideoReference) throws -> ([PreparedImage], VideoAccount) {
        let file = try VideoFile(video.path)
        var (indices, frames) = try file.frames(count: video.frameCount) {
            try prepare(ImageReference(.image($0), name: video.path))
        }
        for (place, number) in indices.enumerated() {
            frames[place].isOfVideo = true
            frames[place].account.format = "frame"
            frames[place].account.frame = number
        }
        return (
            frames,
            VideoAccount(
                file.info, name: video.path, frames: indices, tokenCount: frames.count * contract.visualTokenCount)
        )
    }
}
