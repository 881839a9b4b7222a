/// What the world did to a training run: one sentence that says what, where and what to do.
public struct TrainingError: Error, CustomStringConvertible, Equatable {
    public let description: String

    public init(_ description: String) { self.description = description }
}
