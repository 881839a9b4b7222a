/// A room: a folder of Sources that is one module, with its level and what it may import.
struct Room {
    var level: Int
    /// The module's name.
    var module: String
    /// The folder's name under Sources, where it is not the module's.
    var folder: String
    /// The rooms and packages that the room may import.
    var imports: Set<String>

    init(_ level: Int, _ module: String, folder: String? = nil, _ imports: String) {
        self.level = level
        self.module = module
        self.folder = folder ?? module
        self.imports = Set(imports.split(separator: " ").map(String.init))
    }
}

/// The import table of Documentation/Architecture.md. A room that wants more changes this table, in its own commit, with
/// the reason; Package.swift then has to agree, because the build checks that every import is a declared dependency.
let rooms: [Room] = [
    Room(0, "CTorch", "CLibtorch"),
    Room(0, "CKernels", ""),
    Room(0, "CCodecs", "CJPEG CPNG CZlib CWebP CWebPDemux CTIFF CAVIF CHEIF CAVCodec CAVUtil"),
    Room(0, "CVideo", "CAVFormat CAVCodec CAVUtil CSwScale"),
    Room(0, "CSentencePiece", "CSentencePieceLibrary"),
    Room(0, "CFonts", "CFreeType CHarfBuzz"),
    Room(1, "Torch", "CTorch"),
    Room(1, "Digests", "CCrypto CZlib"),
    Room(1, "Terminal", ""),
    Room(1, "Machine", ""),
    Room(1, "Settings", ""),
    Room(1, "Files", ""),
    Room(2, "NN", "Torch CKernels Settings"),
    Room(2, "Tokenizers", "CSentencePiece"),
    Room(2, "Media", "Torch CKernels Digests Settings"),
    Room(3, "Codecs", "Torch Media Settings CCodecs CVideo"),
    Room(3, "Checkpoints", "Torch NN Digests Settings Files"),
    Room(3, "Processors", "Torch Tokenizers Media Settings"),
    Room(4, "SyrinxModels", folder: "Models", "Torch NN Checkpoints Processors Media Tokenizers Settings"),
    Room(4, "DataPipeline", "Torch Processors Media Tokenizers Digests Terminal Settings Files"),
    Room(5, "Corpora", "DataPipeline Media Digests Terminal CXML CFonts CArchive"),
    Room(
        5, "Training",
        "Torch NN SyrinxModels DataPipeline Checkpoints Digests Terminal Machine Settings Files Logging Yams"),
    Room(5, "Generation", "Torch NN SyrinxModels Processors"),
    Room(6, "Evaluation", "Torch NN Generation SyrinxModels DataPipeline Processors"),
    Room(
        7, "Reports",
        "Torch Evaluation SyrinxModels DataPipeline Codecs Media Tokenizers Checkpoints Processors Digests Settings"),
    Room(
        7, "Syrinx",
        "Torch NN Generation SyrinxModels Processors Codecs Media Tokenizers Checkpoints Digests Machine Settings"),
    Room(
        8, "Recipes",
        """
        Torch NN Reports Corpora Training Evaluation Generation SyrinxModels DataPipeline Codecs Media Tokenizers Checkpoints \
        Processors Digests Terminal Machine Settings Yams
        """),
    Room(
        9, "SyrinxCommand",
        """
        Torch NN Syrinx Recipes Reports Corpora Training Evaluation Generation SyrinxModels DataPipeline Codecs Media \
        Tokenizers Checkpoints Processors Digests Terminal Machine Settings ArgumentParser Logging Yams
        """),
]

/// Modules of the toolchain and the operating system, which any room may import.
let platformModules: Set<String> = [
    "Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "MachO", "Synchronization", "Dispatch",
    "RegexBuilder",
]
