internal import Synchronization

/// A kind of medium: images, videos, sound. A name, not a closed list, so that a medium can be added from outside.
///
/// A new one that Syrinx itself reads is a static member here and its name in ``builtIn``; a package that uses Syrinx calls
/// ``register(_:)``.
public struct Modality: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name in texts and files: one word in lower case, such as `image`.
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public init(_ name: String) { rawValue = name }

    public static let image = Modality("image")
    public static let video = Modality("video")

    /// The kinds that texts can mark from the start.
    private static let builtIn: [Modality] = [.image, .video]
    private static let added = Mutex<[Modality]>([])

    /// Every kind that a text can mark, in the order in which they became known.
    public static var known: [Modality] { builtIn + added.withLock { $0 } }

    /// Makes a kind known, so that texts can mark its items as `<name>`; one that is known already stays as it is.
    public static func register(_ modality: Modality) {
        added.withLock { added in
            if !builtIn.contains(modality), !added.contains(modality) { added.append(modality) }
        }
    }

    public var description: String { rawValue }

    /// How messages spell its mark in a text.
    public var mark: String { "<\(rawValue)>" }

    /// Every spelling of the mark; the published systems use both.
    var marks: [String] { [mark, "<|\(rawValue)|>"] }

    /// `1 image`, `2 images`.
    package func counted(_ count: Int) -> String { "\(count) \(rawValue)\(count == 1 ? "" : "s")" }
}
