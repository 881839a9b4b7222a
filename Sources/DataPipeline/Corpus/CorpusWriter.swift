public import Foundation
internal import Settings

/// Writes a corpus folder: shards, `index.json` and `manifest.json`, whole or not at all.
public struct CorpusWriter {
    /// The folder to write; what stood there before is replaced at the end in one rename.
    public let folder: URL

    /// Prepares to write into the folder.
    public init(folder: URL) { self.folder = folder }

    /// The manifest of the corpus that stands in the folder, if it is whole and was made by the same request.
    ///
    /// Whole means: the manifest's own hash fits, and every shard and the index are there with the right length.
    public static func finished(_ request: CorpusManifest.Request, in folder: URL) -> CorpusManifest? {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("manifest.json")),
            let manifest = try? CorpusJSON.decode(CorpusManifest.self, from: data),
            manifest.request == request, manifest.isConsistent,
            FileManager.default.fileExists(atPath: folder.appendingPathComponent("index.json").path)
        else { return nil }
        for shard in manifest.shards {
            let path = folder.appendingPathComponent(shard.file).path
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            guard (attributes?[.size] as? NSNumber)?.intValue == shard.bytes else { return nil }
        }
        return manifest
    }

    /// Writes the items in the order given and returns the manifest.
    ///
    /// Everything is written into a folder beside the target, flushed to the disk, and renamed; an interruption leaves
    /// the old corpus or the new one.
    ///
    /// - Parameters:
    ///   - dropped: items left out, by reason; recorded in the manifest.
    ///   - check: called between items; what it throws ends the writing and removes what was written.
    /// - Throws: ``CorpusError`` when the folder is not a corpus and may not be replaced, the file system's error, or
    ///   whatever `check` throws.
    @discardableResult
    public func write(
        _ items: [CorpusItem], request: CorpusManifest.Request, generated: Bool, dropped: [String: Int] = [:],
        check: () throws -> Void = {}
    ) throws -> CorpusManifest {
        try Self.requireReplaceable(folder)
        let parent = folder.deletingLastPathComponent()
        let aside = parent.appendingPathComponent(
            ".\(folder.lastPathComponent).writing-\(ProcessInfo.processInfo.processIdentifier)")
        try? FileManager.default.removeItem(at: aside)
        do {
            try FileManager.default.createDirectory(at: aside, withIntermediateDirectories: true)
            let manifest = try write(
                items, into: aside, request: request, generated: generated, dropped: dropped, check: check)
            try Self.replace(folder, with: aside)
            return manifest
        } catch {
            try? FileManager.default.removeItem(at: aside)
            throw error is CocoaError
                ? CorpusError("the corpus \(folder.path) cannot be written: \(plainReason(error))") : error
        }
    }

    private func write(
        _ items: [CorpusItem], into aside: URL, request: CorpusManifest.Request, generated: Bool,
        dropped: [String: Int], check: () throws -> Void
    ) throws -> CorpusManifest {
        var writer = ShardWriter(folder: aside)
        var entries: [CorpusIndex.Entry] = []
        var counts: [String: CorpusIndex.SourceCount] = [:]
        var order: [String] = []
        for item in items {
            try check()
            if counts[item.source] == nil {
                counts[item.source] = .init(name: item.source, kind: item.kind)
                order.append(item.source)
            }
            let id = Self.identifier(source: item.source, number: counts[item.source]?.total ?? 0)
            let (record, images) = Self.record(of: item, id: id)
            let json = [UInt8](try CorpusJSON.encode(record))
            let (shard, spans) = try writer.append([(id + ".json", json)] + images)
            entries.append(
                .init(
                    id: id, source: item.source, kind: item.kind, split: item.split, shard: shard, record: spans[0],
                    images: Array(spans.dropFirst())))
            counts[item.source]?.add(item.split, imageCount: images.count)
        }
        try writer.finish()
        let sources = order.compactMap { counts[$0] }
        let manifest = try CorpusManifest(
            request: request, generated: generated, sources: sources, shards: writer.shards, dropped: dropped)
        let index = CorpusIndex(
            manifestHash: manifest.manifestHash, generated: generated, sources: sources, shards: writer.shards,
            entries: entries)
        try CorpusJSON.encode(index).write(to: aside.appendingPathComponent("index.json"))
        try CorpusJSON.encode(manifest, pretty: true).write(to: aside.appendingPathComponent("manifest.json"))
        return manifest
    }

    private static func identifier(source: String, number: Int) -> String {
        let digits = String(number)
        return source + "-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    private static func record(of item: CorpusItem, id: String) -> (CorpusRecord, [(name: String, bytes: [UInt8])]) {
        var images: [(name: String, bytes: [UInt8])] = []
        let parts = item.parts.map { part -> CorpusRecord.Part in
            switch part {
            case .text(let text): return .text(text)
            case .png(let bytes):
                let name = "\(id).\(images.count).png"
                images.append((name, bytes))
                return .image(name)
            }
        }
        let record = CorpusRecord(
            id: id, source: item.source, kind: item.kind, split: item.split, parts: parts, caption: item.caption,
            provenance: item.provenance)
        return (record, images)
    }

    /// Refuses a folder that holds something else than a corpus, since it would be removed.
    private static func requireReplaceable(_ folder: URL) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), !isFolder.boolValue {
            throw CorpusError("\(folder.path) is a file and would be replaced: give another --output")
        }
        guard let content = try? FileManager.default.contentsOfDirectory(atPath: folder.path), !content.isEmpty else {
            return
        }
        let foreign = content.filter { !($0 == "index.json" || $0 == "manifest.json" || $0.hasPrefix("shard-")) }
        if let first = foreign.sorted().first {
            throw CorpusError(
                "\(folder.path) contains \(first), which is not part of a corpus and would be replaced: give another --output"
            )
        }
    }

    /// Puts the new folder in the old one's place; at every instant one of the two is whole on the disk.
    private static func replace(_ folder: URL, with aside: URL) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: folder.path) else { return try files.moveItem(at: aside, to: folder) }
        let old = folder.deletingLastPathComponent().appendingPathComponent(
            ".\(folder.lastPathComponent).replaced-\(ProcessInfo.processInfo.processIdentifier)")
        try? files.removeItem(at: old)
        try files.moveItem(at: folder, to: old)
        do {
            try files.moveItem(at: aside, to: folder)
        } catch {
            try? files.moveItem(at: old, to: folder)
            throw error
        }
        try files.removeItem(at: old)
    }
}

extension CorpusIndex.SourceCount {
    mutating func add(_ split: CorpusRecord.Split, imageCount: Int) {
        switch split {
        case .train: train += 1
        case .val: val += 1
        case .test: test += 1
        }
        images += imageCount
    }
}
