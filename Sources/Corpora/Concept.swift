package import DataPipeline
internal import Digests

/// What a caption is about, and which side of the split that puts it on.
///
/// The split is by concept and not by image: a held-out image of an apple says little when other apples were
/// trained on. Equal captions of different sources are one concept.
package struct Concept: Hashable, Sendable {
    /// The caption in lower case without articles, digits and punctuation, words joined by one space.
    package let key: String

    private static let articles: Set<Substring> = ["a", "an", "the"]
    private static let persons: Set<Substring> = [
        "man", "men", "woman", "women", "person", "people", "boy", "girl", "male", "female",
    ]

    /// The concept of a name.
    ///
    /// - Parameter ignoresPersons: leaves out man, woman, person and the like, so that "man artist" and "woman artist"
    ///   are one concept; a name made only of such words keeps them.
    package init(name: String, ignoresPersons: Bool = false) {
        let letters = name.lowercased().map { $0.isLetter ? $0 : " " }
        let words = String(letters).split(separator: " ").filter { !Self.articles.contains($0) }
        let kept = ignoresPersons ? words.filter { !Self.persons.contains($0) } : words
        key = (kept.isEmpty ? words : kept).joined(separator: " ")
    }

    /// One of twenty equal classes, the same in every run and on every machine.
    package var bucket: Int { Int(stableHash64("concept:" + key) % 20) }

    /// The usual split: one class in twenty for test, one for validation.
    package var split: CorpusRecord.Split { Self.split(bucket: bucket, testBuckets: [0]) }

    static func split(bucket: Int, testBuckets: Set<Int>) -> CorpusRecord.Split {
        if testBuckets.contains(bucket) { return .test }
        return bucket == 1 ? .val : .train
    }
}
