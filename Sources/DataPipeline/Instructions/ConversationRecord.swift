import Processors
import Settings

/// The two forms of instruction data that files hold.
///
///     {"id": "7", "image": "coco/7.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is this?"},
///                                                          {"from": "gpt", "value": "A bridge."}]}
///     {"image": ["coco/7.jpg"], "text": "Human: <image>\nHuman: What is this?\nAI: A bridge.", "task_type": "llava_sft"}
///
/// LLaVA's, and that of mPLUG-Owl's fine-tuning. `image` is a path, a list of paths, or left out; further keys are ignored.
enum ConversationRecord {
    /// Reads one record.
    ///
    /// - Parameters:
    ///   - name: what errors call the record.
    ///   - id: the identifier of a record that has none.
    /// - Throws: ``DataError`` in one sentence.
    static func conversation(
        _ bytes: UnsafeRawBufferPointer, name: String, id: String
    ) throws(DataError) -> Conversation {
        let json: StrictJSON
        do { json = try StrictJSON(bytes, depthLimit: 64) } catch {
            throw DataError("\(name) is not whole JSON: \(error.reason)")
        }
        guard case .object(let members) = json else {
            throw DataError("\(name) is \(json.kind), but a record is an object")
        }
        func value(_ key: String) -> StrictJSON? { members.first { $0.key == key }?.value }
        let pictures = try paths(value("image"), name: name)
        var own = id
        switch value("id") {
        case .string(let text)?, .number(let text)?: own = text
        default: break
        }
        if case .string(let text)? = value("text") {
            return try checked(Conversation(id: own, pictures: pictures, form: .written(text)), name: name)
        }
        guard case .array(let turns)? = value("conversations") else {
            throw DataError(
                "\(name) has neither the list conversations (LLaVA's form) nor the text of mPLUG-Owl's form")
        }
        var messages: [Message] = []
        for (place, turn) in turns.enumerated() {
            messages.append(try message(turn, name: "\(name), turn \(place + 1)"))
        }
        // As the published code does: a conversation begins with a question.
        if let first = messages.firstIndex(where: { $0.role != .system }), messages[first].role == .assistant {
            messages.remove(at: first)
        }
        return try checked(Conversation(id: own, pictures: pictures, form: .turns(messages)), name: name)
    }

    private static func paths(_ value: StrictJSON?, name: String) throws(DataError) -> [String] {
        switch value {
        case nil, .null?: return []
        case .string(let path)?: return path.isEmpty ? [] : [path]
        case .array(let values)?:
            var paths: [String] = []
            for value in values {
                guard case .string(let path) = value else {
                    throw DataError("\(name): image holds \(value.kind), but a picture is named by its path")
                }
                paths.append(path)
            }
            return paths
        case let other?: throw DataError("\(name): image is \(other.kind), but it is a path or a list of paths")
        }
    }

    private static let roles: [String: Role] = [
        "human": .user, "user": .user, "gpt": .assistant, "assistant": .assistant, "system": .system,
    ]

    private static func message(_ turn: StrictJSON, name: String) throws(DataError) -> Message {
        guard case .object(let members) = turn,
            case .string(let from)? = members.first(where: { $0.key == "from" })?.value,
            case .string(let text)? = members.first(where: { $0.key == "value" })?.value
        else { throw DataError("\(name) is no object with the texts from and value") }
        guard let role = roles[from] else {
            throw DataError("\(name): from \(NearestName.unknownChoice(from, among: ["human", "gpt", "system"]))")
        }
        return role == .user ? Message(role: role, marked: text) : Message(role: role, text: text)
    }

    private static func checked(_ conversation: Conversation, name: String) throws(DataError) -> Conversation {
        let places: Int
        switch conversation.form {
        case .turns(let messages): places = messages.reduce(0) { $0 + $1.images.count }
        case .written(let text): places = WrittenConversation.pieces(of: text).count { $0 == .picture }
        }
        guard places == conversation.pictures.count else {
            throw DataError(
                "\(name): \(places) \(places == 1 ? "mark" : "marks") <image> for \(conversation.pictures.count) "
                    + "\(conversation.pictures.count == 1 ? "picture" : "pictures"); give one mark per picture")
        }
        return conversation
    }
}
