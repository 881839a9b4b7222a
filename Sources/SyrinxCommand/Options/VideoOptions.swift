import ArgumentParser
import Processors
import Syrinx

/// Videos, and how much of each is looked at.
struct VideoOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A video or a quoted pattern (for batch also a folder). Repeatable. It comes before the text, or where the prompt \
            says <video>.
            """, valueName: "path"))
    var video: [String] = []

    @OptionGroup var frameOptions: FrameOptions

    /// Frames looked at of each.
    var frames: Int { frameOptions.frames }

    /// The videos as parts of a prompt.
    /// - Throws: one sentence about the first that is not a video.
    func references() throws -> [VideoReference] { try video.flatMap { try frameOptions.videos(matching: $0) } }
}

/// How much of each video is looked at.
struct FrameOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: """
            The number of evenly spaced frames to read from each video. Models for video read them as one clip, other \
            models as separate images.
            """)
    var frames = VideoReference.defaultFrameCount

    func validate() throws {
        let allowed = VideoReference.allowedFrameCounts
        guard allowed.contains(frames) else {
            throw ValidationError(
                "--frames is \(frames); it must be from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
    }

    /// The videos that a pattern matches.
    /// - Throws: one sentence about the first that is not a video.
    func videos(matching pattern: String) throws -> [VideoReference] {
        try VideoReference.matching(pattern, frameCount: frames)
    }
}
