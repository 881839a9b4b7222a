// swift-tools-version: 6.1
// The rooms that do not load libtorch, as a package of their own: what ThreadSanitizer can follow. `scripts/sanitize
// thread` puts it beside links to Sources and Tests.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, path: "Sources/\(name)", swiftSettings: settings),
        .testTarget(
            name: "\(name)Tests", dependencies: ["TestSupport", .init(stringLiteral: name)],
            path: "Tests/\(name)Tests",
            exclude: name == "Tokenizers" ? ["Fixtures"] : [], swiftSettings: settings),
    ]
}

func system(_ name: String, pkgConfig: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig)
}

let package = Package(
    name: "untorched",
    platforms: [.macOS(.v15)],
    targets: [
        system("CSentencePieceLibrary", pkgConfig: "sentencepiece"), system("CCrypto", pkgConfig: "libcrypto"),
        system("CZlib", pkgConfig: "zlib"),
        .target(name: "CSentencePiece", dependencies: ["CSentencePieceLibrary"], path: "Sources/CSentencePiece"),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        // The threads that decode, by file: the rest of their room needs libtorch.
        .target(
            name: "DataPipeline", path: "Sources/DataPipeline", sources: ["WorkerPool.swift"],
            swiftSettings: settings),
        .testTarget(
            name: "DataPipelineTests", dependencies: ["TestSupport", "DataPipeline"],
            path: "Tests/DataPipelineTests",
            sources: ["WorkerPoolTests.swift"], swiftSettings: settings),
    ] + room("Settings") + room("Files") + room("Terminal") + room("Machine") + room("Digests", ["CCrypto", "CZlib"])
        + room("Tokenizers", ["CSentencePiece"]),
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
