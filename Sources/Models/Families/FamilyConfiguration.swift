public import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The shape of a family's models, as a value: what a recipe's `model:` block and a `config.json` describe.
///
/// Everything that recipes, plans and tools need of a model without running it is asked here, so that they name no family.
/// In a recipe the keys are those of the type's `Codable` form, beside the key `family`.
public protocol FamilyConfiguration: Codable, Hashable, Sendable {
    /// The family, as the registry lists it.
    static var family: ModelFamily { get }

    /// The keys of its `Codable` form, in their order.
    static var keys: [String] { get }

    /// The configuration in a `config.json`.
    ///
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors, for families whose file does not say everything;
    ///   empty for the configuration only.
    /// - Throws: ``ModelError`` naming the key that is missing, of another type or out of its range.
    init(from data: Data, weightShapes: [String: [Int]]) throws

    /// The `config.json` of the configuration.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for the configuration only.
    func file(artefacts: ModelArtefacts?) throws -> Data

    /// Checks that the numbers describe a model that can be built.
    ///
    /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
    func validate() throws(ModelError)

    /// Declares the model; nothing is allocated.
    func declare(at path: ParameterPath) -> any MultimodalLanguageModel

    /// What its authors say of the model besides.
    var description: ModelDescription { get }

    /// Its parts and their sizes.
    var outline: ModelOutline { get }

    /// The id at an image's positions; nil where it is a piece of the vocabulary.
    var fixedPlaceholder: Int? { get }

    /// Takes over a vocabulary: its size, and the placeholder where the family has no fixed one.
    mutating func adopt(vocabularySize: Int, placeholder: Int)

    /// How the vision encoder starts from a published one; nil where it cannot.
    var publishedVision: PublishedPart? { get }

    /// How the language model starts from a published one; nil where it cannot.
    var publishedLanguage: PublishedPart? { get }

    /// A whole model's weights, published or an earlier stage's, as the model starts from them.
    func start(fromWhole weights: StateDict) -> StateDict

    /// Whether the decoder has norms, keys and values of its own for images.
    var hasImageBranch: Bool { get }

    /// The text branch's name of a parameter of the image branch; nil for every other parameter.
    func textBranch(of name: String) -> String?
}

extension FamilyConfiguration {
    public var fixedPlaceholder: Int? { nil }
    public var publishedVision: PublishedPart? { nil }
    public var publishedLanguage: PublishedPart? { nil }
    public var hasImageBranch: Bool { false }
    public func textBranch(of name: String) -> String? { nil }

    /// The weights without those that the model recomputes.
    public func start(fromWhole weights: StateDict) -> StateDict {
        StateDict(weights.pairs.filter { !Self.family.isIgnored($0.0) })
    }
}
