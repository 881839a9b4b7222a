import Yams

/// Strict, editable YAML for configurations: whatever is not understood is an error that says what was meant.
///
/// - An unknown key is refused, with the nearest known key.
/// - A value of the wrong type says what was expected and what was found, with file, line and key path.
/// - `encode` writes every key, absent values as `null`, in the order of declaration, so the text can be edited.
/// - An enum is written as a plain word (`constant`) or as a map with one key (`cosine: {finalFraction: 0.1}`).
public enum StrictYAML {
    /// Decodes `type` from YAML text.
    ///
    /// - Parameters:
    ///   - text: the YAML document; exactly one.
    ///   - file: the name shown in errors.
    ///   - overrides: `key.path=value` settings applied before decoding; list entries by index (`stages.0.steps=10`).
    /// - Throws: `ConfigError`.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from text: String, file: String, overrides: [String] = []
    ) throws -> Value {
        var root = try parse(text, file: file)
        let overrides = try overrides.map { try YAMLOverride($0) }
        for setting in overrides { try setting.apply(to: &root) }
        return try decode(type, from: root, YAMLDecodingState(file: file, overrides: overrides))
    }

    /// Returns a copy of `value` changed by `key.path=value` settings.
    ///
    /// - Throws: `ConfigError` if a key does not exist (with the nearest that does) or a value has the wrong type.
    public static func applying<Value: Codable>(
        _ overrides: [String], to value: Value, named name: String
    ) throws -> Value {
        if overrides.isEmpty { return value }
        return try decode(Value.self, from: encode(value), file: name, overrides: overrides)
    }

    /// Writes `value` as YAML with all keys present.
    ///
    /// - Throws: `ConfigError` if the value contains what YAML cannot hold in an editable form (a map whose keys are not text).
    public static func encode<Value: Encodable>(_ value: Value) throws -> String {
        let encoder = YAMLNodeEncoder(path: [])
        try value.encode(to: encoder)
        return try Yams.serialize(node: encoder.node, width: -1, allowUnicode: true)
    }

    private static func parse(_ text: String, file: String) throws -> Node {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw ConfigError(place: file, problem: "the file is empty; write one YAML map")
            }
            return node
        } catch let error as ConfigError {
            throw error
        } catch let error as YamlError {
            throw ConfigError(place: file, problem: "not valid YAML: \(oneLine(error))")
        }
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from root: Node, _ state: YAMLDecodingState
    ) throws -> Value {
        do {
            return try YAMLNodeDecoder(node: root, path: [], state: state).decode(type)
        } catch let error as DecodingError {
            throw ConfigError(place: state.file, problem: summary(of: error))
        }
    }

    private static func oneLine(_ error: YamlError) -> String {
        "\(error)".split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: { $0 == " " }) }.joined(
            separator: " ")
    }

    /// An error thrown by a type's own `init(from:)`, in one sentence.
    private static func summary(of error: DecodingError) -> String {
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            let path = YAMLPath.text(context.codingPath.map(\.stringValue))
            return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
        @unknown default:
            return "\(error)"
        }
    }
}

/// Writes key paths the way `--set` reads them.
enum YAMLPath {
    /// `["stages", "0", "steps"]` becomes `stages.0.steps`.
    static func text(_ components: [String]) -> String { components.joined(separator: ".") }
}
