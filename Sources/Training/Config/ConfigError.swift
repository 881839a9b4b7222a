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

/// An enum of choices that can list the names a configuration may use, so that a misspelt one is answered with the nearest.
public protocol ConfigChoices {
    /// Every name that may stand for this value in a configuration, in the order of declaration.
    static var choiceNames: [String] { get }
}

extension ConfigChoices where Self: CaseIterable & RawRepresentable, Self.RawValue == String {
    public static var choiceNames: [String] { allCases.map(\.rawValue) }
}

extension ConfigError: InputError {}
