import Processors
import Settings

/// Keys and marks with which records name a medium. What is no image is refused by its name: it would be learnt as text.
enum RecordMedium {
    /// The keys under which images are read.
    static let imageKeys = ["image", "images"]

    private static let otherImageNames = ["image", "img", "picture", "photo", "pic", "frame"]
    private static let otherMedia = [
        "video": "a video", "clip": "a video", "movie": "a video", "audio": "sound", "speech": "sound",
        "sound": "sound", "music": "sound", "voice": "sound", "pointcloud": "a point cloud",
        "point_cloud": "a point cloud",
    ]
    private static let endings = [
        "", "s", "_path", "_paths", "_file", "_files", "_url", "_urls", "_name", "_names", "_filename", "_bytes",
    ]

    private static func name(of key: String, among names: some Sequence<String>) -> String? {
        let key = key.lowercased()
        return names.first { name in
            key.hasPrefix(name) && endings.contains(String(key.dropFirst(name.count)).replacing("-", with: "_"))
        }
    }

    /// Whether a key names a medium, so that a value under it is read or refused, never left out.
    static func isNamed(by key: String) -> Bool {
        imageKeys.contains(key) || name(of: key, among: otherMedia.keys) != nil
    }

    /// Refuses what a record's keys name and nothing reads.
    /// - Parameter name: what errors call the record.
    static func check(_ members: [(key: String, value: StrictJSON)], name: String) throws(DataError) {
        let hasImages = members.contains { imageKeys.contains($0.key) && $0.value.isGiven }
        for (key, value) in members where value.isGiven {
            if let medium = self.name(of: key, among: otherMedia.keys).flatMap({ otherMedia[$0] }) {
                throw DataError(
                    "\(name): \(key) names \(medium), but training reads only text and images; leave out the record")
            }
            if !hasImages, self.name(of: key, among: otherImageNames) != nil {
                throw DataError("\(name): images are read under image or images, not under \(key); rename the key")
            }
        }
    }

    /// Refuses media that a turn names itself.
    static func checkTurn(_ members: [(key: String, value: StrictJSON)], name: String) throws(DataError) {
        for (key, value) in members where value.isGiven {
            if self.name(of: key, among: otherMedia.keys) != nil || self.name(of: key, among: otherImageNames) != nil {
                throw DataError(
                    "\(name) has the key \(key), but the record names its images, under image or images, and <image> is their "
                        + "placeholder in the turn")
            }
        }
    }

    /// Refuses a text with a mark of a medium that is not shown there.
    /// - Parameter known: the marks that are read in it.
    static func checkMarks(of text: String, known: [String], name: String) throws(DataError) {
        guard let mark = marks(in: text).first(where: { !known.contains($0) }) else { return }
        let isOwn = Message.imageMarks.contains(mark)
        throw DataError(
            "\(name) has the placeholder \(mark), "
                + (isOwn && known.isEmpty
                    ? "but only user messages may contain images"
                    : "which would be learnt as text; the placeholder of images is <image>"))
    }

    private static let markNames: Set<String> = [
        "image", "img", "picture", "video", "audio", "speech", "sound", "imagehere", "imageplaceholder", "imagepad",
        "videopad", "audiopad", "visionstart", "visionend", "bbox", "refobject",
    ]

    /// What stands in angle brackets and names a medium, whatever its case, number and separators: `<video>`, `<|image_1|>`.
    private static func marks(in text: String) -> [String] {
        let longest = 24
        let bytes = Array(text.utf8)
        return bytes.indices.filter { bytes[$0] == UInt8(ascii: "<") }.compactMap { start in
            guard let end = bytes[start...].prefix(longest).firstIndex(of: UInt8(ascii: ">")) else { return nil }
            let mark = String(decoding: bytes[start...end], as: UTF8.self)
            var name = mark.dropFirst().dropLast().lowercased().filter { !"|_-".contains($0) }
            while let last = name.last, last == " " || last.isNumber { name.removeLast() }
            return markNames.contains(name) ? mark : nil
        }
    }
}

extension StrictJSON {
    /// Whether the value is a text, a list or an object that holds something.
    var isGiven: Bool {
        switch self {
        case .string(let text): !text.isEmpty
        case .array(let values): !values.isEmpty
        case .object(let members): !members.isEmpty
        case .number, .bool, .null: false
        }
    }
}
