import Processors
import Settings

/// The turns of a record: `from` and `value` as LLaVA writes them, or `role` and `content` as chat interfaces do.
enum RecordTurn {
    /// The keys of a turn that are read, or refused where they hold something.
    static let keys = ["from", "value", "role", "content"] + weightKeys + callKeys
    /// What says that an answer is not to be learnt, or not as much as others.
    private static let weightKeys = ["loss", "weight", "train", "training"]
    private static let callKeys = ["tool_calls", "function_call"]

    private static let roles: [String: Role] = [
        "human": .user, "user": .user, "gpt": .assistant, "assistant": .assistant, "system": .system,
    ]

    /// Reads the turns.
    ///
    /// - Parameter system: the record's own system prompt.
    static func messages(_ turns: [StrictJSON], system: StrictJSON?, name: String) throws(DataError) -> [Message] {
        var messages: [Message] = []
        for (place, turn) in turns.enumerated() {
            messages.append(try message(turn, name: "\(name), turn \(place + 1)"))
        }
        switch system {
        case nil, .null?: break
        case .string(let text)? where text.isEmpty: break
        case .string(let text)?:
            guard messages.first?.role != .system else {
                throw DataError("\(name): the key system and turn 1 are both system messages; keep one")
            }
            try RecordMedium.checkMarks(of: text, known: [], name: "\(name), system")
            messages.insert(Message(role: .system, text: text), at: 0)
        case let other?: throw DataError("\(name): system is \(other.kind), but it must be text")
        }
        // As the published code does: a conversation begins with a question.
        if let first = messages.firstIndex(where: { $0.role != .system }), messages[first].role == .assistant {
            messages.remove(at: first)
        }
        return messages
    }

    private static func message(_ turn: StrictJSON, name: String) throws(DataError) -> Message {
        guard case .object(let members) = turn else { throw unreadable(name) }
        func value(_ keys: [String]) throws(DataError) -> StrictJSON {
            let found = members.filter { keys.contains($0.key) }
            guard found.count == 1 else { throw unreadable(name) }
            return found[0].value
        }
        guard case .string(let from) = try value(["from", "role"]) else { throw unreadable(name) }
        guard let role = roles[from] else {
            throw DataError("\(name): from \(NearestName.unknownChoice(from, among: ["human", "gpt", "system"]))")
        }
        try RecordMedium.checkTurn(members, name: name)
        for (key, value) in members where callKeys.contains(key) && value.isGiven {
            throw DataError("\(name): \(key) is a call that no template writes; leave out the record")
        }
        if role == .assistant { try checkWeight(members, name: name) }
        switch try value(["value", "content"]) {
        case .string(let text): return try message(role, text, name: name)
        case .array(let parts):
            var content: [ContentPart] = []
            for part in parts { content += try self.content(part, role: role, name: name) }
            return Message(role: role, content: content)
        default: throw unreadable(name)
        }
    }

    private static func unreadable(_ name: String) -> DataError {
        DataError("\(name) must be an object with from and value, or role and content")
    }

    private static func message(_ role: Role, _ text: String, name: String) throws(DataError) -> Message {
        try RecordMedium.checkMarks(of: text, known: role == .user ? Message.imageMarks : [], name: name)
        return role == .user ? Message(role: role, marked: text) : Message(role: role, text: text)
    }

    /// A part of a turn that is written as a list: a text, or the place of the next image.
    private static func content(
        _ part: StrictJSON, role: Role, name: String
    ) throws(DataError) -> [ContentPart] {
        guard case .object(let members) = part,
            case .string(let type)? = members.first(where: { $0.key == "type" })?.value
        else { throw DataError("\(name): a part of its content is not an object with a type") }
        if type == "text", case .string(let text)? = members.first(where: { $0.key == "text" })?.value {
            return try message(role, text, name: name).content
        }
        guard type == "image", role == .user else {
            throw DataError(
                "\(name): a part of its content has the type \(type.shortened(to: 40)); only text, and images of a user, are read"
            )
        }
        guard !members.contains(where: { $0.key != "type" && $0.value.isGiven }) else {
            throw DataError("\(name): the turn names an image; write its path under images of the record")
        }
        return [.image(ImageReference(.encoded([]), name: "image"))]
    }

    /// Refuses an answer that is not to be learnt like the others: all are.
    private static func checkWeight(
        _ members: [(key: String, value: StrictJSON)], name: String
    ) throws(DataError) {
        for (key, value) in members where weightKeys.contains(key) {
            let isUsual: Bool
            switch value {
            case .null, .bool(true): isUsual = true
            case .number(let digits): isUsual = Double(digits) == 1
            default: isUsual = false
            }
            guard isUsual else {
                throw DataError(
                    "\(name): \(key) changes how an answer is learnt, which is unsupported; remove the key or leave out "
                        + "the record")
            }
        }
    }
}
