public import Torch

/// What is wrong with a configuration: one sentence that names the file, the key path and what to do.
public struct ConfigError: Error, CustomStringConvertible, Equatable {
    /// Where the mistake is: the file, the line when known, and the dotted key path.
    public let place: String
    /// What is wrong there, and what would be right.
    public let problem: String

    public init(place: String, problem: String) {
        self.place = place
        self.problem = problem
    }

    public var description: String { "\(place): \(problem)" }
}

extension ConfigError: InputError {}
