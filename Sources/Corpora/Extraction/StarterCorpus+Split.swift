internal import DataPipeline
internal import Digests

extension StarterCorpus {
    /// Concepts that occur as an emoji have a larger test share, so that at least 185 of them are held out.
    static let emojiTestBuckets: Set<Int> = [0, 2, 3]

    /// Decides for every item on which side it is.
    ///
    /// - Captioned: by concept; a concept is on the same side in every source.
    /// - Documents: by page, one page in twenty for test and one for validation; pages that share a
    ///   image go together.
    /// - Text: 2% of the items for test, 2% for validation.
    static func split(_ drafts: [Draft]) -> [CorpusItem] {
        let concepts = drafts.map { draft in
            draft.caption.map { Concept(name: $0.name, ignoresPersons: true) }
        }
        let emoji = Set(zip(drafts, concepts).compactMap { $0.source == "emoji" ? $1 : nil })
        let pages = PageGroups(drafts.filter { $0.kind == .interleaved })
        return zip(drafts, concepts).map { draft, concept in
            let split: CorpusRecord.Split
            switch draft.kind {
            case .captioned:
                let isEmoji = concept.map(emoji.contains) ?? false
                split = Concept.split(
                    bucket: concept?.bucket ?? 19, testBuckets: isEmoji ? emojiTestBuckets : [0])
            case .interleaved:
                split = pages.split(of: draft.group)
            case .textOnly:
                // A manual's text stays with the page it was on.
                let page = pages.contains(draft.group) ? pages.split(of: draft.group) : nil
                split = page ?? textSplit(draft.group)
            }
            return CorpusItem(
                source: draft.source, kind: draft.kind, split: split,
                parts: draft.parts.map { part in
                    switch part {
                    case .text(let text): .text(text)
                    case .image(let image): .png(image.png)
                    }
                },
                caption: draft.caption, provenance: draft.provenance)
        }
    }

    private static func textSplit(_ group: String) -> CorpusRecord.Split {
        switch stableHash64("text:" + group) % 50 {
        case 0: .test
        case 1: .val
        default: .train
        }
    }
}

/// Pages joined where they show the same image, so that a held-out page has none that was trained on.
///
/// A photograph that is on many pages would hold them all together; a group of more than one page in ten is trained on.
struct PageGroups {
    private var parent: [String: String] = [:]
    private var sizes: [String: Int] = [:]

    init(_ drafts: [Draft]) {
        var pageOfImage: [SHA256Digest: String] = [:]
        for draft in drafts {
            if parent[draft.group] == nil { parent[draft.group] = draft.group }
            for image in draft.images {
                if let page = pageOfImage[image.likeness] {
                    join(page, draft.group)
                } else {
                    pageOfImage[image.likeness] = draft.group
                }
            }
        }
        for page in parent.keys { sizes[root(page), default: 0] += 1 }
    }

    func contains(_ page: String) -> Bool { parent[page] != nil }

    func split(of page: String) -> CorpusRecord.Split {
        let root = root(page)
        if (sizes[root] ?? 0) * 10 > parent.count { return .train }
        return Concept.split(bucket: Int(stableHash64("page:" + root) % 20), testBuckets: [0])
    }

    private func root(_ page: String) -> String {
        var page = page
        while let above = parent[page], above != page { page = above }
        return page
    }

    /// The smaller name becomes the root, so that the result does not depend on the order.
    private mutating func join(_ first: String, _ second: String) {
        let roots = [root(first), root(second)].sorted()
        parent[roots[1]] = roots[0]
    }
}
