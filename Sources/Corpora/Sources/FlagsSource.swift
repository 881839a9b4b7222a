internal import Foundation

/// National flags: images by country code, names as the emoji list has them, so that both are one concept.
struct FlagsSource: StarterSource {
    let packages = ["iso-flags-png-320x240", "iso-codes", "unicode-data"]

    private struct Countries: Decodable {
        struct Country: Decodable {
            var alpha_2: String
            var name: String
            var common_name: String?
        }
        var countries: [Country]

        enum CodingKeys: String, CodingKey { case countries = "3166-1" }
    }

    func drafts(_ context: StarterContext) throws -> [Draft] {
        var names: [String: String] = [:]
        for entry in try EmojiList(context).entries where entry.group == "flags" && entry.codePoints.count == 2 {
            let letters = entry.codePoints.compactMap { UnicodeScalar($0 &- 0x1F1E6 &+ 97) }
            names[String(String.UnicodeScalarView(letters))] = entry.name
        }
        var countries: [Countries.Country] = []
        try context.forEachFile(in: "iso-codes", where: { $0.hasSuffix("/json/iso_3166-1.json") }) {
            countries = try JSONDecoder().decode(Countries.self, from: Data($1)).countries
        }
        let byCode = Dictionary(countries.map { ($0.alpha_2.lowercased(), $0) }) { $1 }
        var images: [(code: String, path: String, bytes: [UInt8])] = []
        try context.forEachFile(in: packages[0], thenMaps: true, where: { $0.hasSuffix(".png") }) { path, bytes in
            let code = String((path.split(separator: "/").last ?? "").dropLast(4))
            guard byCode[code] != nil else {
                context.drop("flags: no country's")
                return
            }
            images.append((code, path, bytes))
        }
        images.sort { $0.code < $1.code }
        let found = images
        let known = names
        return try context.parallelMap(found.count, of: packages[0]) { index -> Draft? in
            let (code, path, bytes) = found[index]
            guard let country = byCode[code], let image = try CorpusImage(decoding: bytes, coding: context.coding)
            else {
                return nil
            }
            let name = country.common_name ?? country.name
            return Draft(
                source: "flags", image: image, name: known[code] ?? "flag: \(name)", kind: "flags",
                keywords: ["flag", name],
                provenance: context.provenance(packages[0], path: path, licence: "LicenseRef-Public-Domain"))
        }.compactMap { $0 }
    }
}
