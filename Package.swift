// swift-tools-version: 6.1
import PackageDescription

// One settings array for every Swift target: Swift 6 mode plus the upcoming features that make imports explicit.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// A room: a library target whose folder is `Sources/<name>` (or `path`), importing only what is listed.
func room(
    _ name: String, path: String? = nil, exclude: [String] = [], _ dependencies: [Target.Dependency]
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path ?? "Sources/\(name)", exclude: exclude,
        swiftSettings: swiftSettings)
}

/// The tests of one room, in the folder that mirrors it; all may use TestSupport.
func tests(_ room: String, _ dependencies: [Target.Dependency], fixtures: Bool = false, golden: Bool = false) -> Target
{
    .testTarget(
        name: "\(room)Tests", dependencies: ["TestSupport"] + dependencies, path: "Tests/\(room)Tests",
        exclude: (fixtures ? ["Fixtures"] : []) + (golden ? ["Golden"] : []),
        resources: [], swiftSettings: swiftSettings)
}

/// A system library found through pkg-config, with the Debian and Homebrew packages that bring it.
func system(_ name: String, pkgConfig: String, apt: String, brew: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig,
        providers: [.apt([apt]), .brew([brew])])
}

let package = Package(
    name: "syrinx",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Syrinx", targets: ["Syrinx"]),
        // For packages that add families, media or objectives and train with them.
        .library(
            name: "SyrinxTraining",
            targets: [
                "Recipes", "Training", "DataPipeline", "SyrinxModels", "Processors", "Checkpoints", "Tokenizers", "NN",
                "Torch",
            ]),
        .executable(name: "syrinx", targets: ["SyrinxCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Level 0: system libraries and their C faces.
        .systemLibrary(name: "CLibtorch", path: "Sources/System/CLibtorch", pkgConfig: "syrinx-libtorch"),
        system("CJPEG", pkgConfig: "libjpeg", apt: "libjpeg62-turbo-dev", brew: "jpeg-turbo"),
        system("CPNG", pkgConfig: "libpng", apt: "libpng-dev", brew: "libpng"),
        system("CWebP", pkgConfig: "libwebp", apt: "libwebp-dev", brew: "webp"),
        system("CWebPDemux", pkgConfig: "libwebpdemux", apt: "libwebp-dev", brew: "webp"),
        system("CTIFF", pkgConfig: "libtiff-4", apt: "libtiff-dev", brew: "libtiff"),
        system("CAVIF", pkgConfig: "libavif", apt: "libavif-dev", brew: "libavif"),
        system("CHEIF", pkgConfig: "libheif", apt: "libheif-dev", brew: "libheif"),
        system("CAVFormat", pkgConfig: "libavformat", apt: "libavformat-dev", brew: "ffmpeg"),
        system("CAVCodec", pkgConfig: "libavcodec", apt: "libavcodec-dev", brew: "ffmpeg"),
        system("CAVUtil", pkgConfig: "libavutil", apt: "libavutil-dev", brew: "ffmpeg"),
        system("CSwScale", pkgConfig: "libswscale", apt: "libswscale-dev", brew: "ffmpeg"),
        system("CSentencePieceLibrary", pkgConfig: "sentencepiece", apt: "libsentencepiece-dev", brew: "sentencepiece"),
        system("CXML", pkgConfig: "libxml-2.0", apt: "libxml2-dev", brew: "libxml2"),
        system("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev", brew: "libarchive"),
        system("CFreeType", pkgConfig: "freetype2", apt: "libfreetype-dev", brew: "freetype"),
        system("CHarfBuzz", pkgConfig: "harfbuzz", apt: "libharfbuzz-dev", brew: "harfbuzz"),
        system("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev", brew: "openssl@3"),
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev", brew: "zlib"),
        .target(
            name: "CTorch", dependencies: ["CLibtorch"], path: "Sources/CTorch",
            cxxSettings: [.define("SYRINX_CTORCH_BUILD")]),
        .target(name: "CKernels", path: "Sources/CKernels"),
        .target(
            name: "CCodecs",
            dependencies: [
                "CJPEG", "CPNG", "CZlib", "CWebP", "CWebPDemux", "CTIFF", "CAVIF", "CHEIF", "CAVCodec", "CAVUtil",
            ], path: "Sources/CCodecs"),
        .target(
            name: "CVideo", dependencies: ["CAVFormat", "CAVCodec", "CAVUtil", "CSwScale"], path: "Sources/CVideo"),
        .target(name: "CSentencePiece", dependencies: ["CSentencePieceLibrary"], path: "Sources/CSentencePiece"),
        .target(name: "CFonts", dependencies: ["CFreeType", "CHarfBuzz"], path: "Sources/CFonts"),
        // Level 1.
        room("Torch", ["CTorch"]),
        room("Digests", ["CCrypto", "CZlib"]),
        room("Terminal", []),
        room("Machine", []),
        room("Settings", []),
        room("Files", []),
        // Level 2.
        room("NN", ["Torch", "CKernels", "Settings"]),
        room("Tokenizers", ["CSentencePiece"]),
        room("Media", ["Torch", "CKernels", "Digests", "Settings"]),
        // Level 3.
        room("Codecs", ["Media", "Torch", "Settings", "CCodecs", "CVideo"]),
        room("Checkpoints", ["NN", "Torch", "Digests", "Settings", "Files"]),
        room("Processors", ["Torch", "Tokenizers", "Media", "Settings"]),
        // Level 4.
        room(
            "SyrinxModels", path: "Sources/Models", exclude: ["MM1/README.md", "MPLUGOwl/README.md"],
            ["NN", "Torch", "Checkpoints", "Processors", "Media", "Tokenizers", "Settings"]),
        room(
            "DataPipeline",
            ["Processors", "Media", "Tokenizers", "Torch", "Digests", "Terminal", "Settings", "Files"]),
        // Level 5.
        room("Corpora", ["DataPipeline", "Media", "Digests", "Terminal", "CXML", "CArchive", "CFonts"]),
        room(
            "Training",
            [
                "SyrinxModels", "DataPipeline", "Checkpoints", "NN", "Torch", "Digests", "Terminal", "Machine",
                "Settings", "Files",
                logging, yams,
            ]),
        room("Generation", ["SyrinxModels", "Processors", "NN", "Torch"]),
        // Level 6.
        room("Evaluation", ["Generation", "SyrinxModels", "DataPipeline", "Processors", "NN", "Torch"]),
        // Level 7.
        room(
            "Reports",
            [
                "Evaluation", "SyrinxModels", "DataPipeline", "Codecs", "Media", "Tokenizers", "Checkpoints",
                "Processors", "Torch", "Digests", "Settings",
            ]),
        room(
            "Syrinx",
            [
                "Generation", "SyrinxModels", "Processors", "Codecs", "Media", "Tokenizers", "Checkpoints", "NN",
                "Torch", "Digests", "Machine", "Settings",
            ]),
        // Level 8.
        room(
            "Recipes",
            [
                "Reports", "Corpora", "Training", "Evaluation", "Generation", "SyrinxModels", "DataPipeline", "Codecs",
                "Media", "Tokenizers", "Checkpoints", "Processors", "NN", "Torch", "Digests", "Terminal", "Machine",
                "Settings", yams,
            ]),
        // Level 9.
        .executableTarget(
            name: "SyrinxCommand",
            dependencies: [
                "Syrinx", "Recipes", "Reports", "Corpora", "Training", "Evaluation", "Generation", "SyrinxModels",
                "DataPipeline", "Codecs", "Media", "Tokenizers", "Checkpoints", "Processors", "NN", "Torch", "Digests",
                "Terminal", "Machine", "Settings", argumentParser, logging, yams,
            ],
            path: "Sources/SyrinxCommand",
            swiftSettings: swiftSettings,
            // Only our own executable carries a run path; libraries that depend on Syrinx bring their own.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "\(Context.packageDirectory)/.deps/libtorch/lib"])
            ]),
        // The Swift side of `make bench`; not a product.
        .executableTarget(
            name: "syrinx-bench",
            dependencies: [
                "Training", "SyrinxModels", "DataPipeline", "Codecs", "Checkpoints", "Processors", "Media", "NN",
                "Torch",
            ],
            path: "Benchmarks/Worker", swiftSettings: swiftSettings),
        // Tests mirror Sources; TestSupport holds what tests of any room need, TinyModels makes the model folders.
        room("TestSupport", path: "Tests/TestSupport", []),
        room(
            "TinyModels", path: "Tests/TinyModels",
            [
                "Syrinx", "SyrinxModels", "Processors", "Codecs", "Media", "Tokenizers", "Checkpoints", "NN", "Torch",
                "Digests",
            ]),
        tests("Torch", ["Torch"]),
        tests("Digests", ["Digests"]),
        tests("Terminal", ["Terminal"]),
        tests("Machine", ["Machine"]),
        tests("Settings", ["Settings"]),
        tests("Files", ["Files"]),
        tests("NN", ["NN", "Torch"]),
        tests("Tokenizers", ["Tokenizers"], fixtures: true),
        tests("Media", ["Media", "Torch", "CKernels"], fixtures: true),
        tests("Codecs", ["Codecs", "Media", "Torch"], fixtures: true),
        tests("Checkpoints", ["Checkpoints", "NN", "Torch", "Digests"], fixtures: true),
        tests("Processors", ["TinyModels", "Processors", "Tokenizers", "Media", "Torch"]),
        tests(
            "SyrinxModels",
            ["TinyModels", "SyrinxModels", "NN", "Torch", "Checkpoints", "Processors", "Tokenizers", "Media"],
            fixtures: true, golden: true),
        tests(
            "DataPipeline",
            [
                "TinyModels", "DataPipeline", "SyrinxModels", "Terminal", "Processors", "Media", "Tokenizers", "Torch",
                "Digests",
            ]),
        tests("Corpora", ["Corpora", "DataPipeline", "Codecs", "Media", "Digests"], fixtures: true),
        tests("Training", ["Training", "SyrinxModels", "DataPipeline", "Checkpoints", "NN", "Torch", "Settings"]),
        tests("Generation", ["TinyModels", "Generation", "SyrinxModels", "Processors", "NN", "Torch"]),
        tests(
            "Evaluation", ["Evaluation", "Generation", "SyrinxModels", "DataPipeline", "Processors", "NN", "Torch"],
            fixtures: true),
        tests(
            "Reports",
            [
                "Reports", "Evaluation", "SyrinxModels", "DataPipeline", "Codecs", "Media", "Checkpoints",
                "Processors", "NN", "Torch",
            ]),
        tests(
            "Recipes",
            [
                "TinyModels", "Processors", "Recipes", "Reports", "Corpora", "Syrinx", "Training", "Evaluation",
                "Generation", "SyrinxModels", "DataPipeline", "Codecs", "Checkpoints", "Media", "Tokenizers", "NN",
                "Torch",
            ]),
        tests(
            "Syrinx",
            [
                "TinyModels", "Syrinx", "Generation", "SyrinxModels", "Processors", "Codecs", "Media", "Tokenizers",
                "Checkpoints", "NN", "Torch", "Digests",
            ]),
        tests("SyrinxCommand", ["SyrinxCommand", "TinyModels", "Media"]),
        tests("TestSupport", []),
        tests("Architecture", []),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
