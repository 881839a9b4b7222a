import Settings

extension QuestionRecord {
    /// The values of a question's keys; what is null counts as left out.
    struct Values {
        private let members: [(key: String, value: StrictJSON)]

        init(_ members: [(key: String, value: StrictJSON)]) {
            self.members = members.filter { if case .null = $0.value { false } else { true } }
        }

        func value(_ key: String) -> StrictJSON? { members.first { $0.key == key }?.value }

        /// Those of the keys that have a value.
        func present(_ keys: [String]) -> [String] { keys.filter { value($0) != nil } }

        /// The one of several spellings of the same that has a value.
        /// - Throws: ``ProcessorError`` where two have.
        func one(of keys: [String]) throws(ProcessorError) -> (key: String, value: StrictJSON)? {
            let present = present(keys)
            guard present.count < 2 else {
                throw ProcessorError("it has both \(present[0]) and \(present[1]), which mean the same; omit one")
            }
            return present.first.flatMap { key in value(key).map { (key, $0) } }
        }

        func text(_ key: String, _ value: StrictJSON) throws(ProcessorError) -> String {
            guard case .string(let text) = value else {
                throw ProcessorError("\(key) should be text, not \(value.kind)")
            }
            return text
        }

        /// Text where the key has a value.
        func text(_ key: String) throws(ProcessorError) -> String? {
            guard let value = value(key) else { return nil }
            return try text(key, value)
        }

        /// A path or a list of paths; empty ones name nothing.
        func paths(_ keys: [String]) throws(ProcessorError) -> [String] {
            guard let (key, value) = try one(of: keys) else { return [] }
            switch value {
            case .string(let path): return path.isEmpty ? [] : [path]
            case .array(let values):
                var paths: [String] = []
                for value in values {
                    guard case .string(let path) = value else {
                        throw ProcessorError(
                            "\(key) should be a path or a list of paths, but it contains \(value.kind)")
                    }
                    guard !path.isEmpty else {
                        throw ProcessorError("\(key) contains an empty path; give a path, or remove it from the list")
                    }
                    paths.append(path)
                }
                return paths
            default: throw ProcessorError("\(key) should be a path or a list of paths, not \(value.kind)")
            }
        }

        func number<Number>(
            _ key: String, _ expectation: String, _ read: (String) -> Number?
        ) throws(ProcessorError) -> Number? {
            guard let value = value(key) else { return nil }
            guard case .number(let digits) = value, let number = read(digits) else {
                throw ProcessorError("\(key) should be \(expectation)")
            }
            return number
        }

        /// An answer, a list of answers, or VQA's list of `{"answer": "..."}`.
        func answers(_ key: String, _ value: StrictJSON) throws(ProcessorError) -> [String] {
            switch value {
            case .string(let text): return [text]
            case .number(let digits): return [digits]
            case .bool(let isTrue): return [isTrue ? "yes" : "no"]
            case .array(let values):
                var answers: [String] = []
                for value in values { answers += try self.answers(key, value) }
                return answers
            case .object(let members):
                guard let answer = members.first(where: { $0.key == "answer" })?.value else { break }
                return [try text("\(key).answer", answer)]
            case .null: break
            }
            throw ProcessorError("\(key) should be an answer or a list of answers, not \(value.kind)")
        }

        /// Parts of earlier turns.
        func turns(_ key: String) throws(ProcessorError) -> [Turn] {
            guard let value = value(key) else { return [] }
            guard case .array(let entries) = value else {
                throw ProcessorError("\(key) should be a list, not \(value.kind)")
            }
            var turns: [Turn] = []
            for entry in entries {
                guard case .object(let members) = entry else {
                    throw ProcessorError(
                        "\(key) contains \(entry.kind), but its parts are objects, {\"text\": \"...\"}")
                }
                let keys = ["text", "image", "role"]
                if let unknown = members.first(where: { !keys.contains($0.key) }) {
                    throw ProcessorError(
                        "a part of \(key) has the key " + NearestName.unknownChoice(unknown.key, among: keys))
                }
                let own = Values(members)
                turns.append(
                    Turn(text: try own.text("text"), image: try own.text("image"), role: try own.text("role")))
            }
            return turns
        }
    }
}
