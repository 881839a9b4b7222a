public import Processors
public import Settings

/// In recipes a template is its name, which the registry resolves.
extension ChatTemplate: Codable, ConfigChoices {
    public static var choiceNames: [String] { ModelRegistry.chatTemplates.map(\.name) }

    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        do throws(ModelError) { self = try ModelRegistry.chatTemplate(named: name) } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
