import Codecs
import DataPipeline
import Evaluation
import Foundation
import Media
import NN
import Processors
import Reports
import SyrinxModels
import Torch

/// A list of 45 small images with captions, in a temporary folder, and a model with random weights that sees them.
final class ImagesOfColours {
    let folder: String
    let imageProcessor = ImageProcessor(imageSize: 8, resize: .squash)
    var list: String { folder + "/pictures.jsonl" }

    init() throws {
        folder = NSTemporaryDirectory() + "evaluation-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var lines = [String]()
        for number in 0..<45 {
            let (kind, colour) = [("fruit", "red"), ("leaf", "green"), ("water", "blue")][number % 3]
            let shade = UInt8(100 + 3 * number)
            let rgb = RGB(
                red: number % 3 == 0 ? shade : 0, green: number % 3 == 1 ? shade : 0, blue: number % 3 == 2 ? shade : 0)
            let png = try ImageCodec().encodePNG(Image(width: 9, height: 7, filledWith: rgb))
            try Data(png).write(to: URL(fileURLWithPath: "\(folder)/\(number).png"))
            lines.append(
                "{\"image\": \"\(number).png\", \"captions\": [\"\(colour) \(kind)\", \"a \(kind)\"], "
                    + "\"name\": \"\(kind) \(number)\", \"kind\": \"\(kind)\", \"colours\": [\"\(colour)\"]}")
        }
        try write(lines)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ lines: [String]) throws {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: list))
    }

    func data(limit: Int? = nil) throws -> EvaluationData {
        try EvaluationData(list, split: .test, limitPerSource: limit, imageProcessor: imageProcessor)
    }

    /// A model whose tokens are single letters.
    static func subject(seed: UInt64) -> EvaluationSubject {
        let letters = Array("<># abcdefghijklmnopqrstuvwxyz:.0123456789")
        var config = MM1.demo(vocabularySize: letters.count, imagePlaceholder: 2)
        config.visionEncoder.imageSize = 8
        config.visionEncoder.stem = .convolutional(channels: [4, 4])
        config.visionEncoder.hiddenSize = 8
        config.visionEncoder.intermediateSize = 16
        config.visionEncoder.layerCount = 1
        config.visionEncoder.headCount = 2
        config.connector = .averagePool(tokenCount: 1)
        config.languageModel.hiddenSize = 16
        config.languageModel.intermediateSize = 32
        config.languageModel.layerCount = 1
        config.languageModel.headCount = 2
        config.languageModel.keyValueHeadCount = 2
        config.languageModel.headSize = 8
        config.languageModel.contextLength = 200
        let store = ParameterStore()
        let model = MM1(config, at: store.root)
        store.initialize(seed: seed)
        return EvaluationSubject(
            model: model, contract: TokenContract(imagePlaceholder: 2, tokenCount: 1), beginID: 0,
            stopTokenIDs: [1], encode: { $0.compactMap { letters.firstIndex(of: $0) } },
            decode: { String($0.map { letters[$0] }) })
    }

    /// An evaluation in a subfolder; `model` stands for the checkpoint's hash.
    func run(
        _ name: String, model: String = "m", seed: UInt64 = 5, evaluationSeed: UInt64 = 0, data: EvaluationData? = nil,
        compute: String = "float32 on cpu", conversation: EvaluationIdentity.Settings.Conversation? = nil,
        progress: (EvaluationRun.Step) throws -> Void = { _ in }
    ) throws -> EvaluationRun.Outcome {
        let data = try data ?? self.data()
        let evaluation = CaptionEvaluation(
            questions: CaptionEvaluation.Question.allCases, sources: [], groupSources: data.groupSources,
            seed: evaluationSeed, resampleCount: 20)
        let identity = EvaluationIdentity(
            model: .init(path: "model", sha256: model), data: .init(path: data.path, sha256: data.sha256),
            settings: .init(
                evaluation: evaluation, split: "test", limit: 0, compute: compute, conversation: conversation))
        return try EvaluationRun(folder: path(name), identity: identity).run(
            Self.subject(seed: seed), data: data, imageProcessor: imageProcessor, progress: progress)
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// The bytes of an evaluation's predictions.
    func predictions(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path(name) + "/" + EvaluationRun.FileName.predictions))
    }

    func setPredictions(_ name: String, _ data: Data) throws {
        try data.write(to: URL(fileURLWithPath: path(name) + "/" + EvaluationRun.FileName.predictions))
    }
}
