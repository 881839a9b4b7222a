import Settings
public import Torch

/// Why a video could not be read; the description is one sentence for the user.
public struct VideoError: InputError, Hashable, CustomStringConvertible {
    /// What went wrong, for programs.
    public enum Kind: Sendable, Hashable {
        /// The file cannot be opened.
        case unreadable
        /// The bytes are of no container that is read.
        case notAVideo
        /// There is no moving picture in it.
        case noPictures
        /// More bytes, pixels, frames or seconds than the limits allow.
        case tooLarge
        /// There is no decoder for it.
        case unsupported
        /// Its frames cannot be decoded.
        case damaged
        /// There is not enough memory.
        case outOfMemory
    }

    /// What went wrong, for programs.
    public let kind: Kind
    /// What is wrong, in which file, and what to do.
    public let description: String

    init(_ kind: Kind, path: String, reason: String) {
        self.kind = kind
        let path = Excerpt.of(path)
        description =
            switch kind {
            case .unreadable: "\(path): the file cannot be read: \(reason)"
            case .notAVideo:
                "\(path): not a readable video: expected MP4, MOV, Matroska, WebM, AVI, MPEG, Ogg, FLV or GIF, found "
                    + reason
            case .noPictures: "\(path): not a video: \(reason)"
            case .tooLarge: "\(path): \(reason); cut the video or scale it down"
            case .unsupported: "\(path): the video cannot be decoded: \(reason)"
            case .damaged: "\(path): the video is damaged: \(reason)"
            case .outOfMemory: "\(path): the video needs too much memory: \(reason)"
            }
    }
}
