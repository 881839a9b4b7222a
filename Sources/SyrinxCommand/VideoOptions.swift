import ArgumentParser
import Processors

/// Videos, and how much of each is looked at.
struct VideoOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A video; may be given several times. It stands before the text, or where the prompt says <video>.",
            valueName: "file"))
    var video: [String] = []

    @Option(
        help: """
            Frames to look at of each video, evenly spaced. mPLUG-Owl video reads them as one clip, other models as so \
            many pictures.
            """)
    var frames = VideoReference.defaultFrameCount

    func validate() throws {
        guard (1...1024).contains(frames) else {
            throw ValidationError("--frames is \(frames); it must lie from 1 to 1024")
        }
    }

    /// The videos as parts of a prompt.
    var references: [VideoReference] { video.map { VideoReference(path: $0, frameCount: frames) } }
}
