/// How much of the starter corpus to fetch.
public enum StarterSize: String, CaseIterable, Codable, Hashable, Sendable {
    /// Clip art, emoji, one illustrated manual, WordNet: the demo's.
    case minimal
    /// Minimal with Tux Paint's stamps and Sweet Home 3D's furniture.
    case prototype
    /// Prototype with flags and icons.
    case full
}

/// A Debian package the starter corpus is made from, pinned by version and content.
public struct PackagePin: Codable, Hashable, Sendable {
    public var name: String
    public var version: String
    /// SHA-256 of the package file, 64 hexadecimal digits.
    public var sha256: String
    /// Length of the package file.
    public var bytes: Int
    /// What it is fetched for.
    public var purpose: String
}

extension PackagePin {
    /// The packages of a size, in the order in which they are fetched.
    public static func starter(_ size: StarterSize) -> [PackagePin] {
        switch size {
        case .minimal: minimal
        case .prototype: minimal + drawings
        case .full: minimal + drawings + flagsAndIcons
        }
    }

    /// Debian 12 (bookworm); any other system asks for the same names with `--unpinned`.
    private static let minimal = [
        PackagePin(
            name: "openclipart-png", version: "1:0.18+dfsg-19",
            sha256: "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02", bytes: 130_910_028,
            purpose: "clip art"),
        PackagePin(
            name: "openclipart-svg", version: "1:0.18+dfsg-19",
            sha256: "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5", bytes: 24_919_068,
            purpose: "clip art's titles and keywords"),
        PackagePin(
            name: "fonts-noto-color-emoji", version: "2.042-0+deb12u1",
            sha256: "a5ab0f69c7938423862320d9aca5dd187b3fd879d6a9a57dd52e17c3fa8d2751", bytes: 9_893_872,
            purpose: "emoji images"),
        PackagePin(
            name: "unicode-data", version: "15.0.0-1",
            sha256: "5efef23bbb1c6a133ecbdd63a2cfa07159ccacf5466a49e2426101c5ecd691fc", bytes: 7_983_784,
            purpose: "emoji groups"),
        PackagePin(
            name: "unicode-cldr-core", version: "41-0.1",
            sha256: "35d30d5d3bee4d8244e95236259c4c2a0db06e21bad696515751fcfeee4d0260", bytes: 16_938_208,
            purpose: "emoji names and keywords"),
        PackagePin(
            name: "gimp-help-en", version: "2.10.34-2",
            sha256: "a2deec76763aaf2fcdd197bac0736cdcb0770ba993d48d233329e1c92b0bfe36", bytes: 49_612_664,
            purpose: "illustrated manual"),
        PackagePin(
            name: "gimp-help-common", version: "2.10.34-2",
            sha256: "5186e5ba19dfca73c141965abb6fbd8cc8abae4a623af5dfea03195e07c4bda8", bytes: 190_996,
            purpose: "the manual's licence"),
        PackagePin(
            name: "wordnet-base", version: "1:3.0-37",
            sha256: "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752", bytes: 6_467_132,
            purpose: "definitions"),
    ]

    private static let drawings = [
        PackagePin(
            name: "tuxpaint-stamps-default", version: "2022.06.04-1",
            sha256: "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34", bytes: 160_880_444,
            purpose: "stamps with a sentence each"),
        PackagePin(
            name: "sweethome3d-furniture", version: "1.8-1",
            sha256: "3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668", bytes: 119_782_356,
            purpose: "images of furniture"),
    ]

    private static let flagsAndIcons = [
        PackagePin(
            name: "iso-flags-png-320x240", version: "1.0.2-2",
            sha256: "991cd465a366c38713e5ef1409c279841f64ce1043f21c6f064cb4516787aba0", bytes: 5_285_088,
            purpose: "flags"),
        PackagePin(
            name: "iso-codes", version: "4.15.0-1",
            sha256: "b1beb869303229c38288d4ddacfd582c91f594759b5767c9cecebd87f16ff70e", bytes: 2_906_084,
            purpose: "the countries' names"),
        PackagePin(
            name: "oxygen-icon-theme", version: "5:5.103.0-1",
            sha256: "3e49023e148906e41457a98a19a09858ddd761ef4f212fa356232924b3cebcce", bytes: 31_761_936,
            purpose: "icons"),
    ]
}

extension StarterSize {
    /// Bytes to download when nothing is in the cache.
    public var downloadBytes: Int { PackagePin.starter(self).reduce(0) { $0 + $1.bytes } }
}
