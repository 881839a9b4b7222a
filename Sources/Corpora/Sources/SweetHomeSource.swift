internal import Foundation

/// Sweet Home 3D's furniture: the icon, name, category and tags of each piece in the catalogues (`.sh3f`, zip).
struct SweetHomeSource: StarterSource {
    let packages = ["sweethome3d-furniture"]

    func drafts(_ context: StarterContext) throws -> [Draft] {
        var pieces: [(path: String, catalogue: String, piece: FurniturePiece, icon: [UInt8])] = []
        try context.forEachFile(in: packages[0], thenMaps: true, where: { $0.hasSuffix(".sh3f") }) { path, bytes in
            let catalogue = (path.split(separator: "/").last ?? "").dropLast(5)
            var properties: [UInt8] = []
            var icons: [String: [UInt8]] = [:]
            try ArchiveReader.forEachFile(
                inZip: bytes, label: path,
                // Icons lie beside the models' folders, textures inside them.
                where: {
                    $0 == "PluginFurnitureCatalog.properties"
                        || $0.hasSuffix(".png") && $0.split(separator: "/").count <= 2
                }
            ) { name, content in
                if name.hasSuffix(".png") { icons[name] = content } else { properties = content }
            }
            for piece in FurniturePiece.list(properties: properties) {
                guard let icon = icons[piece.icon] else {
                    context.drop("sweethome3d: icon missing")
                    continue
                }
                pieces.append((path, String(catalogue), piece, icon))
            }
        }
        pieces.sort { ($0.catalogue, $0.piece.icon) < ($1.catalogue, $1.piece.icon) }
        let found = pieces
        let drafts = try context.parallelMap(found.count, of: packages[0]) { index -> Draft? in
            let (path, catalogue, piece, icon) = found[index]
            guard let image = try CorpusImage(decoding: icon, coding: context.coding, cutsMargins: true) else {
                return nil
            }
            return Draft(
                source: "sweethome3d", image: image, name: piece.name, kind: piece.category.lowercased(),
                keywords: piece.tags,
                provenance: context.provenance(
                    packages[0], path: "\(path)#\(piece.icon)", licence: Self.licence(of: catalogue),
                    creator: piece.creator))
        }
        let kept = drafts.compactMap { $0 }
        context.drop("sweethome3d: damaged icon", count: drafts.count - kept.count)
        return kept
    }

    private static func licence(of catalogue: String) -> String {
        switch catalogue {
        case "BlendSwap-CC-0": "CC0-1.0"
        case "KatorLegaz", "Reallusion": "CC-BY-3.0-US"
        default: "CC-BY-3.0"
        }
    }
}

/// One entry of a furniture catalogue: `name#12=Armchair`, `category#12=...`.
package struct FurniturePiece: Hashable, Sendable {
    package var name: String
    package var category: String
    /// Path inside the catalogue without the leading slash.
    package var icon: String
    package var tags: [String]
    package var creator: String?

    /// Tags that name the collection, not the piece.
    private static let collectionTags: Set<String> = ["Blend Swap", "Scopia", "Kator Legaz", "Reallusion"]

    /// Reads a Java properties file: ISO 8859-1, `\uXXXX` escapes, `key#number=value`.
    package static func list(properties: [UInt8]) -> [FurniturePiece] {
        let text = String(String.UnicodeScalarView(properties.map { UnicodeScalar($0) }))
        var fields: [Int: [String: String]] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let equals = line.firstIndex(of: "="), let hash = line[..<equals].lastIndex(of: "#"),
                let number = Int(line[line.index(after: hash)..<equals])
            else { continue }
            fields[number, default: [:]][String(line[..<hash])] = unescaped(line[line.index(after: equals)...])
        }
        return fields.keys.sorted().compactMap { number in
            guard let entry = fields[number], let name = entry["name"], !name.isEmpty, let icon = entry["icon"],
                let category = entry["category"]
            else { return nil }
            let tags = (entry["tags"] ?? "").split(separator: ",").map { String($0).collapsed }
            return FurniturePiece(
                name: name, category: category, icon: icon.hasPrefix("/") ? String(icon.dropFirst()) : icon,
                tags: tags.filter { !collectionTags.contains($0) }, creator: entry["creator"])
        }
    }

    private static func unescaped(_ value: Substring) -> String {
        var result = String.UnicodeScalarView()
        var rest = value.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            guard let next = rest.popFirst() else { break }
            if next == "u", rest.count >= 4, let value = UInt32(String(rest.prefix(4)), radix: 16),
                let escaped = UnicodeScalar(value)
            {
                result.append(escaped)
                rest = rest.dropFirst(4)
            } else {
                result.append(next)
            }
        }
        return String(result).collapsed
    }
}
