public import Training

/// A kind of loss that stages may name: what it reads, what it asks of a recipe, and how it is trained.
///
/// To add one, write a value of this type in a file of its own and add it to ``ObjectiveRegistry``: in this library to its
/// list, from another package with ``ObjectiveRegistry/register(_:)``.
public struct RecipeObjective: Sendable {
    /// What a stage learns from.
    public enum Data: Sendable, Equatable {
        /// Sequences packed from examples of the corpus, or from conversations (``ObjectiveRun/packedSequences()``).
        case packedSequences
        /// Images with their captions (``ObjectiveRun/captionedImages()``); needs a corpus.
        case captionedImages
        /// Whatever the objective opens by itself.
        case own
    }

    /// What some items put into memory, for plans.
    public struct Load: Sendable, Equatable {
        /// Positions that the decoder reads.
        public var positions: Int
        /// The fewest and the most images.
        public var images: ClosedRange<Int>
        /// The most positions, or images, that are scored against the vocabulary.
        public var scored: Int

        public init(positions: Int, images: ClosedRange<Int>, scored: Int) {
            self.positions = positions
            self.images = images
            self.scored = scored
        }
    }

    /// Why a stage cannot have this objective.
    public struct Mistake: Sendable, Equatable {
        /// The stage's key that is to be changed, such as `microbatchSize`.
        public var key: String
        /// What is wrong, with its value and what to do.
        public var problem: String

        public init(key: String, problem: String) {
            self.key = key
            self.problem = problem
        }
    }

    /// The word that stands in recipes.
    public var name: String
    /// What it does, in a sentence.
    public var summary: String
    public var data: Data
    /// Whether the model can be asked for text while and after it is trained so: samples are written at validations then.
    public var trainsText: Bool
    /// What a number of the stage's items puts into memory.
    public var load: @Sendable (_ recipe: Recipe, _ count: Int) -> Load
    /// What of a stage this objective cannot work with; nil for a stage that is right.
    public var mistake: @Sendable (Recipe.Stage, Recipe) -> Mistake?
    /// Trains the stage: opens the data and calls ``ObjectiveRun/train(_:on:)``.
    public var train: @Sendable (ObjectiveRun) throws -> EndReport

    public init(
        name: String, summary: String, data: Data, trainsText: Bool = false,
        load: @escaping @Sendable (_ recipe: Recipe, _ count: Int) -> Load,
        mistake: @escaping @Sendable (Recipe.Stage, Recipe) -> Mistake? = { _, _ in nil },
        train: @escaping @Sendable (ObjectiveRun) throws -> EndReport
    ) {
        self.name = name
        self.summary = summary
        self.data = data
        self.trainsText = trainsText
        self.load = load
        self.mistake = mistake
        self.train = train
    }
}
