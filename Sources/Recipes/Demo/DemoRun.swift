import Checkpoints
import Codecs
public import Corpora
import DataPipeline
import Evaluation
import Foundation
import Media
import NN
public import Reports
import Tokenizers
import Torch
public import Training

/// `make demo`: corpus, training, evaluation on images the model never saw, report.
///
///     FOLDER/seed-0/                 the run: recipe, log, TensorBoard, checkpoints, model
///     FOLDER/seed-0/report.html      curves, images with generated text, scores beside their controls
///     FOLDER/seed-0/scores.json      the same scores for scripts
public struct DemoRun {
    /// What a demo is to do.
    public struct Options {
        /// Where runs and reports go.
        public var folder: String
        /// Which packages the corpus is made of; nil renders scenes instead.
        public var size: StarterSize?
        /// Where corpora and package files are kept.
        public var corpora: String
        /// A few steps on rendered scenes: proves the path, not the model.
        public var isShort: Bool
        /// `key.path=value` changes of the recipe.
        public var overrides: [String]
        /// The command line, for the report.
        public var command: String

        public init(
            folder: String, size: StarterSize?, corpora: String, isShort: Bool, overrides: [String], command: String
        ) {
            self.folder = folder
            self.size = size
            self.corpora = corpora
            self.isShort = isShort
            self.overrides = overrides
            self.command = command
        }
    }

    /// What one seed came to.
    public struct Result: Codable, Sendable {
        public let seed: UInt64
        public let report: DemoReport
        public let reportPath: String
        /// Sources whose validation loss did not fall.
        public let risingSources: [String]
        /// Marks that the scores miss; empty where none apply.
        public let missedMarks: [String]

        public var passes: Bool { risingSources.isEmpty && missedMarks.isEmpty }
    }

    private let options: Options
    private let say: (String) -> Void

    public init(_ options: Options, say: @escaping (String) -> Void) {
        self.options = options
        self.say = say
    }

    /// Fetches and extracts the corpus, or renders scenes if it is unavailable; an existing corpus is kept.
    ///
    /// - Returns: the corpus' folder.
    public func prepareCorpus() throws -> String {
        let coding = ImageCoding(decoder: ImageCodec()) { try ImageCodec().encodePNG($0) }
        guard let size = options.size else {
            let path = options.corpora + "/scenes"
            let count = options.isShort ? 1200 : StarterFetch.sceneCount
            _ = try SceneCorpus(count: count).write(to: URL(fileURLWithPath: path), coding: coding) { _, _ in }
            return path
        }
        let path = "\(options.corpora)/\(size.rawValue)"
        let outcome = try StarterFetch(
            size: size, output: URL(fileURLWithPath: path),
            cache: URL(fileURLWithPath: options.corpora + "/packages"), generatesOtherwise: true
        ).run(coding: coding)
        if let reason = outcome.replacedBecause {
            say("the starter corpus is unavailable (\(reason)): rendered scenes replace it")
        }
        say(outcome.isNew ? "corpus made: \(path)" : "the corpus already exists: \(path)")
        return path
    }

    /// The recipe of a seed.
    public func recipe(seed: UInt64, corpus: String) throws -> Recipe {
        var changes = ["seed=\(seed)", "data.corpus=\(corpus)"]
        // Scenes speak a small language: a larger vocabulary than their texts have cannot be trained.
        if try CorpusFolder(URL(fileURLWithPath: corpus)).index.generated {
            changes.append("data.tokenizer.vocabularySize=512")
        }
        return try RecipeRegistry.recipe(
            options.isShort ? RecipeRegistry.demo.shortName : RecipeRegistry.demo.name,
            overrides: changes + options.overrides)
    }

    /// Trains one seed (or goes on where an earlier run stopped), scores it, writes its report.
    public func run(
        seed: UInt64, corpus path: String, observers: @escaping () -> [any TrainingObserver]
    ) throws -> Result {
        let recipe = try recipe(seed: seed, corpus: path)
        let output = "\(options.folder)/seed-\(seed)"
        let exists = FileManager.default.fileExists(atPath: output + "/recipe.yaml")
        if exists { say("\(output) has a run: resuming it; remove the folder to train again from the start") }
        let outcome = try RecipeRunner.run(
            recipe, .init(output: output, resume: exists, observers: { _ in observers() }, say: say))
        let folder = ModelPath(outcome.folder.model)
        let tokenizer = try SentencePieceTokenizer(path: folder.tokenizer)
        let processor = try folder.imageProcessor()
        let corpus = try CorpusFolder(URL(fileURLWithPath: path))
        let held = try CaptionedSet(corpus, split: .test, limitPerSource: options.isShort ? 24 : nil) {
            processor.pixelValues(try ImageCodec().image(from: $0))
        }
        let sources = corpus.index.generated ? held.items.map(\.source).uniqued() : ["emoji"]
        let marks = passMarks(corpus)
        let report = try DemoReport.make(
            .init(
                title: RecipeRegistry.demo.title, summary: recipe.description, command: options.command,
                log: Array(try Data(contentsOf: URL(fileURLWithPath: outcome.folder.log))),
                recipe: try StrictYAML.encode(recipe), facts: try facts(recipe, outcome), passMarks: marks,
                notes: notes(corpus)),
            subject: try EvaluationSubject(model: outcome.model, tokenizer: tokenizer), imageProcessor: processor,
            corpus: corpus, set: held, evaluation: CaptionEvaluation(sources: sources, groupSources: sources)
        ) { step in say("scoring: \(step)") }
        let reportPath = output + "/report.html"
        try Data(HTMLReport.render(report).utf8).write(to: URL(fileURLWithPath: reportPath), options: .atomic)
        let result = Result(
            seed: seed, report: report, reportPath: reportPath, risingSources: report.risingSources,
            missedMarks: report.missedMarks)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(report.evaluation).write(to: URL(fileURLWithPath: output + "/scores.json"), options: .atomic)
        return result
    }

    private func facts(_ recipe: Recipe, _ outcome: RecipeRunner.Outcome) throws -> [DemoReport.Fact] {
        [
            .init("seed", String(recipe.seed)),
            .init("machine", "\(MachineDescription.processor), \(ProcessInfo.processInfo.activeProcessorCount) cores"),
            .init("libtorch", "\(TorchRuntime.version), \(TorchRuntime.threadCount) threads"),
            .init(
                "precision",
                "\(try RecipeMachine(recipe).computeDType), \(RecipeMachine.hasMatrixTiles ? "with" : "without") AMX"),
            .init("parameters", String(outcome.store.elementCount())),
            .init("updates", String(outcome.reports.last?.step ?? 0)),
            .init("weights", String(outcome.weightsHash.prefix(16))),
        ]
    }

    private func notes(_ corpus: CorpusFolder) -> [String] {
        var notes = [
            RecipeRegistry.demo.mixtureNote,
            "The model is not expected to know exact names; the scores ask for colours, groups and which image fits.",
        ]
        if options.isShort {
            notes.append("A short run: it shows that every step works, and nothing about the model.")
        }
        if !RecipeMachine.hasMatrixTiles && !corpus.index.generated {
            notes.append("This CPU has no AMX: the time limit allows fewer updates, so no pass marks are set.")
        }
        return notes
    }

    /// The marks `make demo` is held to; none on other corpora, for short runs, or on CPUs without AMX.
    private func passMarks(_ corpus: CorpusFolder) -> [DemoReport.PassMark] {
        guard !corpus.index.generated, !options.isShort, RecipeMachine.hasMatrixTiles else { return [] }
        return DemoReport.demoMarks
    }
}

/// The files of a model folder that evaluation needs besides the weights.
private struct ModelPath {
    let path: String
    init(_ path: String) { self.path = path }

    var tokenizer: String { path + "/" + ModelFolder.FileName.tokenizerModel }

    func imageProcessor() throws -> ImageProcessor {
        let file = URL(fileURLWithPath: path + "/" + ModelFolder.FileName.preprocessorConfig)
        return try JSONDecoder().decode(ImageProcessor.self, from: Data(contentsOf: file))
    }
}

/// What the machine calls its processor.
private enum MachineDescription {
    static var processor: String {
        let info = FileManager.default.contents(atPath: "/proc/cpuinfo").map {
            String(decoding: $0.prefix(4096), as: UTF8.self)
        }
        let line = info?.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
    }
}

extension Array where Element: Hashable {
    /// Each element once, in order of first appearance.
    fileprivate func uniqued() -> [Element] {
        var seen = Set<Element>()
        return filter { seen.insert($0).inserted }
    }
}
