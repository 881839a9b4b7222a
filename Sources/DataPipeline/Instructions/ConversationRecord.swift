import Processors
import Settings

/// The forms of instruction data that files hold.
///
///     {"id": "7", "image": "coco/7.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is this?"},
///                                                          {"from": "gpt", "value": "A bridge."}]}
///     {"images": ["coco/7.jpg"], "messages": [{"role": "user", "content": "<image>What is this?"},
///                                             {"role": "assistant", "content": "A bridge."}]}
///     {"image": ["coco/7.jpg"], "text": "Human: <image>\nHuman: What is this?\nAI: A bridge.", "task_type": "llava_sft"}
///
/// LLaVA's, that of ms-swift and LlamaFactory, and one text in lines (arXiv 2304.14178). Images are a path, a list of paths, or
/// left out, under either name; so are turns, with either pair of keys. What a record says and nothing reads is refused
/// where it would change what is learnt, and counted otherwise (``UnreadKeys``).
enum ConversationRecord {
    /// The keys of a record that are read, or refused where they hold something.
    static let keys = ["id", "system"] + RecordMedium.imageKeys + bodyKeys + toolKeys
    static let turnListKeys = ["conversations", "messages"]
    private static let toolKeys = ["tools", "functions"]
    private static let bodyKeys = turnListKeys + ["text"]

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
            throw DataError("\(name) is not valid JSON: \(error.reason.shortened())")
        }
        guard case .object(let members) = json else {
            throw DataError("\(name) is \(json.kind), but a record must be an object")
        }
        func value(_ key: String) -> StrictJSON? { members.first { $0.key == key }?.value }
        try RecordMedium.check(members, name: name)
        let images = try images(members, name: name)
        for key in toolKeys where value(key)?.isGiven == true {
            throw DataError(
                "\(name): \(key) belongs in the prompt, but no template writes it; leave out the record")
        }
        var own = id
        switch value("id") {
        case .string(let text)?, .number(let text)?: own = text
        default: break
        }
        let form: Conversation.Form
        switch try body(members, name: name) {
        case ("text", .string(let text)):
            guard value("system")?.isGiven != true else {
                throw DataError(
                    "\(name): a record with text cannot have the key system; write it before the first Human:")
            }
            try RecordMedium.checkMarks(of: text, known: ["<image>"], name: name)
            form = .written(text)
        case (_, .array(let turns)):
            form = .turns(try RecordTurn.messages(turns, system: value("system"), name: name))
        case let (key, other): throw DataError("\(name): \(key) is \(other.kind), but it must be a list of turns")
        }
        return try checked(Conversation(id: own, images: images, form: form), name: name)
    }

    /// The one member that holds the conversation.
    private static func body(
        _ members: [(key: String, value: StrictJSON)], name: String
    ) throws(DataError) -> (key: String, value: StrictJSON) {
        let bodies = members.filter { member in
            guard bodyKeys.contains(member.key) else { return false }
            if member.key == "text", case .string = member.value { return member.value.isGiven }
            if case .null = member.value { return false }
            return member.key != "text"
        }
        guard let body = bodies.first else {
            throw DataError(
                "\(name) has neither the list conversations (LLaVA's format) or messages (ms-swift's and LlamaFactory's) nor "
                    + "a text in lines of \"Human: \" and \"AI: \"; its keys are "
                    + members.map(\.key).joined(separator: ", ").shortened())
        }
        guard bodies.count == 1 else {
            throw DataError(
                "\(name) has a conversation under \(bodies.map(\.key).joined(separator: " and under ")); keep one")
        }
        return body
    }

    /// The paths of the record's images.
    private static func images(
        _ members: [(key: String, value: StrictJSON)], name: String
    ) throws(DataError) -> [String] {
        var found: [(key: String, paths: [String])] = []
        for (key, value) in members where RecordMedium.imageKeys.contains(key) {
            found.append((key, try paths(value, key: key, name: name)))
        }
        let given = found.filter { !$0.paths.isEmpty }
        guard given.count < 2 else {
            throw DataError("\(name) names images under image and under images; keep one of the keys")
        }
        return given.first?.paths ?? []
    }

    private static func paths(_ value: StrictJSON, key: String, name: String) throws(DataError) -> [String] {
        switch value {
        case .null: return []
        case .string(let path) where path.isEmpty: return []
        case .string, .object: return [try path(value, key: key, name: name)]
        case .array(let values):
            var paths: [String] = []
            for value in values { paths.append(try path(value, key: key, name: name)) }
            return paths
        case let other: throw DataError("\(name): \(key) is \(other.kind), but it must be a path or a list of paths")
        }
    }

    /// A path, or an object with one, as Hugging Face's data sets write images that lie in files.
    private static func path(_ value: StrictJSON, key: String, name: String) throws(DataError) -> String {
        var value = value
        if case .object(let members) = value, let path = members.first(where: { $0.key == "path" })?.value,
            !members.contains(where: { $0.key != "path" && $0.value.isGiven })
        {
            value = path
        }
        guard case .string(let path) = value else {
            throw DataError("\(name): \(key) contains \(value.kind), but an image is named by its path")
        }
        for (start, kind) in [("data:", "a data URL"), ("http://", "a web address"), ("https://", "a web address")]
        where path.utf8.starts(with: start.utf8) {
            throw DataError(
                "\(name): \(key) contains \(kind) (\(path.shortened(to: 60))), but images are read from files: save it and "
                    + "write the file's path")
        }
        return path
    }

    private static func checked(_ conversation: Conversation, name: String) throws(DataError) -> Conversation {
        let places: Int
        switch conversation.form {
        case .turns(let messages): places = messages.reduce(0) { $0 + $1.images.count }
        case .written(let text): places = WrittenConversation.pieces(of: text).count { $0 == .image }
        }
        guard places == conversation.images.count else {
            throw DataError(
                "\(name): \(places) <image> \(places == 1 ? "placeholder" : "placeholders") for "
                    + "\(conversation.images.count) \(conversation.images.count == 1 ? "image" : "images"); give one "
                    + "placeholder per image")
        }
        return conversation
    }
}
