import NN
import Settings
import SyrinxModels
import Testing
import Training

/// A configuration with every shape a recipe uses.
private struct Sample: Codable, Equatable {
    enum Objective: String, Codable, CaseIterable, ConfigChoices { case bagOfWords, contrastive, nextToken }
    enum Decay: Codable, Equatable, ConfigChoices {
        case constant
        case cosine(finalFraction: Double)
        static var choiceNames: [String] { ["constant", "cosine"] }
    }
    struct Stage: Codable, Equatable {
        var name: String
        var objective: Objective
        var steps: Int?
        var decay: Decay
        var freeze: [String]
    }
    var name: String
    var seed: UInt64
    var learningRate: Double?
    var packed: Bool
    var weights: [String: Double]
    var stages: [Stage]

    static let example = Sample(
        name: "yes", seed: 18_446_744_073_709_551_615, learningRate: nil, packed: true, weights: ["captioned": 0.45],
        stages: [
            Stage(name: "warm: up", objective: .bagOfWords, steps: 200, decay: .constant, freeze: ["language", "x"]),
            Stage(name: "1e3", objective: .nextToken, steps: nil, decay: .cosine(finalFraction: 0.1), freeze: []),
        ])
}

@Suite("Strict YAML configuration")
struct StrictYAMLTests {
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("What is written reads back equal, with every key present and words where they suffice")
    func roundTrip() throws {
        let text = try StrictYAML.encode(Sample.example)
        #expect(try StrictYAML.decode(Sample.self, from: text, file: "a.yaml") == Sample.example)
        #expect(text.contains("learningRate: null"))
        #expect(text.contains("decay: constant"))
        #expect(text.contains("objective: bagOfWords"))
        #expect(text.contains("name: \"yes\""), "a word that YAML readers take for a boolean is quoted")
        #expect(text.contains("freeze: [language, x]"))
    }

    @Test("A misspelt key is refused and the nearest known key is named, with file, line and path")
    func unknownKey() throws {
        let text = try StrictYAML.encode(Sample.example).replacing(
            "objective: bagOfWords", with: "objectiv: bagOfWords")
        let message = message { _ = try StrictYAML.decode(Sample.self, from: text, file: "a.yaml") }
        #expect(message.hasPrefix("a.yaml, line "))
        #expect(message.contains("stages.0: unknown key 'objectiv'; did you mean 'objective'?"))
        let top = message_(try StrictYAML.encode(Sample.example) + "learningrate: 3\n")
        #expect(top.contains("unknown key 'learningrate'; did you mean 'learningRate'?"))
        let far = message_(try StrictYAML.encode(Sample.example) + "zzzzzz: 3\n")
        #expect(
            far.contains("unknown key 'zzzzzz'; the known keys are name, seed, learningRate, packed, weights, stages"))
    }

    private func message_(_ text: String) -> String {
        message { _ = try StrictYAML.decode(Sample.self, from: text, file: "a.yaml") }
    }

    @Test(
        "A wrong type says what was expected and what was found",
        arguments: [
            ("packed: true", "packed: 7", "packed: expected true or false, found the number 7"),
            ("steps: 200", "steps: many", "stages.0.steps: expected a whole number, found the text 'many'"),
            ("steps: 200", "steps: 2.5", "stages.0.steps: expected a whole number, found the number 2.5"),
            ("steps: 200", "steps: 99999999999999999999", "expected a whole number from -9223372036854775808"),
            (
                "objective: bagOfWords", "objective: bagOfWord",
                "'bagOfWord' is not one of bagOfWords, contrastive, nextToken; did you mean 'bagOfWords'?"
            ),
            ("decay: constant", "decay: constnt", "'constnt' is not one of constant, cosine; did you mean 'constant'?"),
            ("decay: constant", "decay: {cosin: {finalFraction: 1}}", "unknown key 'cosin'; did you mean 'cosine'?"),
            (
                "decay: constant", "decay: {cosine: {final: 1}}",
                "stages.0.decay.cosine: unknown key 'final'; the known keys are finalFraction"
            ),
            (
                "freeze: [language, x]", "freeze: language",
                "stages.0.freeze: expected a list, found the text 'language'"
            ),
            ("packed: true", "packed: true\npacked: false", "packed"),
            ("seed: 18446744073709551615", "", "the key 'seed' is missing"),
            ("weights:", "weights: [1", "not valid YAML"),
        ])
    func wrongType(original: String, replacement: String, expected: String) throws {
        let text = try StrictYAML.encode(Sample.example)
        #expect(text.contains(original))
        let message = message_(text.replacing(original, with: replacement))
        #expect(message.contains(expected), "\(message)")
    }

    @Test("Settings change values at key paths, in lists and below absent values")
    func overrides() throws {
        let changed = try StrictYAML.applying(
            [
                "seed=3", "stages.0.steps=1e3", "stages[1].decay=constant", "learningRate=3e-4", "stages.0.freeze=[]",
                "weights.new=2",
            ],
            to: Sample.example, named: "sample")
        #expect(changed.seed == 3)
        #expect(changed.stages[0].steps == 1000)
        #expect(changed.stages[1].decay == .constant)
        #expect(changed.learningRate == 3e-4)
        #expect(changed.stages[0].freeze.isEmpty)
        #expect(changed.weights["new"] == 2)
    }

    @Test(
        "A setting that names nothing is refused",
        arguments: [
            ("stage.0.steps=3", "did you mean 'stages'?"),
            ("stages.7.steps=3", "is a list of 2; '7' is not an index from 0 to 1"),
            ("sed=3", "unknown key 'sed'; did you mean 'seed'?"),
            ("seed", "a setting is key.path=value"),
            ("seed.x=3", "seed is the number 18446744073709551615 and has no key 'x'"),
            ("stages.0.step=3", "unknown key 'step'; did you mean 'steps'?"),
        ])
    func badOverrides(setting: String, expected: String) {
        let message = message { _ = try StrictYAML.applying([setting], to: Sample.example, named: "sample") }
        #expect(message.contains(expected), "\(message)")
    }

    @Test("A decoder's shape that was written before rotary scaling existed decodes as it was")
    func earlierDecoder() throws {
        let shape = LLaMADecoder.Config(
            vocabularySize: 64, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2, contextLength: 16,
            ropeLayout: .halfSplit, tiesEmbeddings: false)
        let text = try StrictYAML.encode(shape)
        let earlier = text.split(separator: "\n").filter { !$0.hasPrefix("ropeScalingFactor") }.joined(separator: "\n")
        #expect(earlier != text)
        #expect(try StrictYAML.decode(LLaMADecoder.Config.self, from: earlier, file: "a.yaml") == shape)
        let scaled = try StrictYAML.applying(["ropeScalingFactor=2.5"], to: shape, named: "shape")
        #expect(scaled.ropeScalingFactor == 2.5)
        #expect(try StrictYAML.decode(LLaMADecoder.Config.self, from: StrictYAML.encode(scaled), file: "a") == scaled)
    }
}
