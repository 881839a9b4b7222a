import ArgumentParser
import Codecs
import DataPipeline
import Foundation
import Media
import Processors
import SyrinxModels
import Terminal
import Tokenizers

/// `syrinx data inspect`: the counts of a corpus, or one record as a model sees it.
struct DataInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show the counts of a corpus or a file of conversations, or one record token by token.",
        usage: "syrinx data inspect <folder> [<options>]",
        discussion: """
            --sample lays out a record with the given tokenizer as in training: begin and end tokens, the positions of \
            images, and which tokens the loss covers. A file (JSON or JSON lines) holds instruction data in the format of \
            LLaVA, ms-swift or LlamaFactory, or records of one text in lines; --template sets the chat template.
            """)

    @Argument(help: "The corpus folder, or a .json or .jsonl file of conversations.")
    var folder: String

    @Option(help: "The chat template of conversations.", transform: Self.template)
    var template = ModelRegistry.conversationTemplate

    @Option(help: ArgumentHelp("The folder of a conversation's images (default: its file's own).", valueName: "folder"))
    var images: String?

    @Option(help: "Only this part of the corpus: train, val or test.", transform: Self.split)
    var split: CorpusSplit?

    @Option(help: "Only this source.")
    var source: String?

    @Option(parsing: .unconditional, help: "Show this record, counted from 0 among the selected ones.")
    var sample: Int?

    @Option(help: "The SentencePiece model for --sample.")
    var tokenizer: String?

    @Option(parsing: .unconditional, help: "Tokens per image in --sample.")
    var imageTokens: Int = 16

    @Option(parsing: .unconditional, help: "Positions per sequence in --sample.")
    var contextLength: Int = 512

    @Option(help: "Write a PNG with images spread over the selected records.")
    var contactSheet: String?

    @Option(parsing: .unconditional, help: "Images on the contact sheet.")
    var sheetImages: Int = 96

    @Flag(help: "Print JSON.")
    var json: Bool = false

    static func template(_ text: String) throws -> ChatTemplate {
        do { return try ModelRegistry.chatTemplate(named: text) } catch {
            throw ValidationError("--template: \(error)")
        }
    }

    static func split(_ text: String) throws -> CorpusSplit {
        guard let split = CorpusSplit(rawValue: text) else {
            throw ValidationError("--split is \"\(text)\"; it must be train, val or test")
        }
        return split
    }

    func validate() throws {
        if let sample, sample < 0 { throw ValidationError("--sample is \(sample); records are counted from 0") }
        if sample != nil, tokenizer == nil {
            throw ValidationError("--sample shows tokens; give the vocabulary with --tokenizer FILE")
        }
        if sheetImages < 1 { throw ValidationError("--sheet-images is \(sheetImages); it must be at least 1") }
        if !(1...1_000_000).contains(imageTokens) {
            throw ValidationError("--image-tokens is \(imageTokens); it must be from 1 to 1000000")
        }
    }

    func run() throws {
        if ConversationInspection.isFile(folder) {
            return try ConversationInspection(
                file: folder, images: images, template: template, sample: sample, tokenizer: tokenizer,
                imageTokens: imageTokens, contextLength: contextLength
            ).show(asJSON: json)
        }
        let corpus = try CorpusFolder(URL(fileURLWithPath: folder))
        let summary = try CorpusSummary(corpus, split: split, source: source)
        let view = try sample.map { try sampleView($0, corpus: corpus) }
        if let contactSheet { try writeContactSheet(to: contactSheet, corpus: corpus) }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let output = Output(summary: summary, sample: view)
            print(String(decoding: try encoder.encode(output), as: UTF8.self))
            return
        }
        print(summary.table(style: .standardOutput))
        if let view {
            print("")
            print(view.text(style: .standardOutput))
        }
    }

    private struct Output: Encodable {
        var summary: CorpusSummary
        var sample: SampleView?
    }

    private func sampleView(_ number: Int, corpus: CorpusFolder) throws -> SampleView {
        let entries = corpus.entries(split: split, source: source)
        guard entries.indices.contains(number) else {
            throw DataError(
                "--sample is \(number), but \(entries.count) records are selected"
                    + (entries.isEmpty ? "" : ", 0 to \(entries.count - 1)"))
        }
        let tokenizer = try SentencePieceTokenizer(path: tokenizer ?? "")
        guard let placeholder = tokenizer.id(of: "<image>") else {
            throw DataError("the vocabulary has no piece <image>, the placeholder of images")
        }
        let examples = try ExampleSource(
            corpus: corpus, tokenizer: tokenizer, decoder: ImageCodec(),
            imageProcessor: ImageProcessor(imageSize: 64),
            contract: TokenContract(imagePlaceholder: placeholder, tokenCount: imageTokens),
            contextLength: contextLength)
        return try SampleView(examples, entry: entries[number])
    }

    private func writeContactSheet(to path: String, corpus: CorpusFolder) throws {
        let codec = ImageCodec()
        let chosen = try corpus.images(split: split, source: source, count: sheetImages, decoder: codec)
        let sheet = Media.contactSheet(chosen, columns: min(12, chosen.count), cell: 96)
        let png = try codec.encodePNG(sheet)
        do {
            try Data(png).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw DataError(
                "--contact-sheet \(path) cannot be written: check that its folder exists and is writable")
        }
    }
}
