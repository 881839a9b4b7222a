internal import Foundation

/// Oxygen's icons: the file's name is the caption, its folder the group.
struct OxygenSource: StarterSource {
    let packages = ["oxygen-icon-theme"]

    func drafts(_ context: StarterContext) throws -> [Draft] {
        // The largest of 48, 64 and 128 pixels for each name.
        var icons: [String: (side: Int, path: String, group: String, bytes: [UInt8])] = [:]
        try context.forEachFile(in: packages[0], thenMaps: true, where: { Self.parse($0) != nil }) { path, bytes in
            guard let icon = Self.parse(path), icon.side > icons[icon.name]?.side ?? 0 else { return }
            icons[icon.name] = (icon.side, path, icon.group, bytes)
        }
        let names = icons.keys.sorted()
        let found = icons
        return try context.parallelMap(names.count, of: packages[0]) { index -> Draft? in
            guard let icon = found[names[index]],
                let image = try CorpusImage(decoding: icon.bytes, coding: context.coding, cutsMargins: true)
            else { return nil }
            return Draft(
                source: "oxygen", image: image, name: names[index], kind: icon.group, keywords: ["icon"],
                provenance: context.provenance(
                    packages[0], path: icon.path, licence: "LGPL-3.0-or-later", creator: "Oxygen team, KDE"))
        }.compactMap { $0 }
    }

    /// Side, group and name of ".../base/64x64/apps/accessories-calculator.png"; nil for other paths.
    static func parse(_ path: String) -> (side: Int, group: String, name: String)? {
        let parts = path.split(separator: "/")
        guard parts.count >= 4, path.hasSuffix(".png"), parts[parts.count - 4] == "base",
            let side = Int(parts[parts.count - 3].prefix { $0 != "x" }), [48, 64, 128].contains(side)
        else { return nil }
        let words = parts[parts.count - 1].dropLast(4).split { $0 == "-" || $0 == "_" }
        let name = words.joined(separator: " ")
        return name.contains(where: \.isLetter) ? (side, String(parts[parts.count - 2]), name) : nil
    }
}
