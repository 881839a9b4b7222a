package import Settings

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// A file of questions: one JSON object a line, a JSON list of them, or an object whose key `questions` has the list.
///
/// Lines are read when their turn comes; a list is read at once.
package struct QuestionFile: Sendable {
    /// What messages call it.
    package let name: String
    /// What messages call one entry: `line` or `question`.
    package let noun: String
    private let data: Data
    private let entries: [Entry]

    private enum Entry {
        case line(number: Int, bytes: Range<Int>)
        case value(number: Int, StrictJSON)

        var number: Int {
            switch self {
            case .line(let number, _), .value(let number, _): number
            }
        }
    }

    /// A question is a page of text, with images that are written into it as `data:` URLs, not a data set.
    private static let lineByteLimit = 64 << 20
    private static let depthLimit = 64

    /// Finds the questions.
    /// - Throws: ``ProcessorError`` when there are none, two have the same identifier, or a list is no whole JSON. What is
    ///   wrong with a question otherwise is said when its turn comes.
    package init(_ data: Data, name: String) throws(ProcessorError) {
        self.data = data
        self.name = name
        if let list = try Self.list(data, name: name) {
            entries = list.enumerated().map { .value(number: $0 + 1, $1) }
            noun = "question"
        } else {
            entries = Self.lines(data)
            noun = "line"
        }
        guard !entries.isEmpty else {
            throw ProcessorError(
                "\(name) has no questions; write one {\"prompt\": \"...\", \"images\": [\"a.png\"]} per line")
        }
        try requireDistinctIDs()
    }

    /// Questions.
    package var count: Int { entries.count }

    /// The number of a question's line, or of the question in the list, from 1.
    package func number(_ index: Int) -> Int { entries[index].number }

    /// What is asked.
    /// - Throws: ``ProcessorError`` that says what is wrong with the question.
    package func record(_ index: Int) throws(ProcessorError) -> QuestionRecord {
        do {
            return try QuestionRecord(try json(index))
        } catch {
            throw ProcessorError("the \(noun) is not a readable question: \(error.description)")
        }
    }

    /// What a question is called: its own identifier, else its number.
    package func id(_ index: Int) -> RecordID { ownID(index) ?? RecordID("\(number(index))") }

    private func ownID(_ index: Int) -> RecordID? { (try? json(index)).flatMap(QuestionRecord.id(of:)) }

    private func json(_ index: Int) throws(ProcessorError) -> StrictJSON {
        switch entries[index] {
        case .value(_, let value): return value
        case .line(_, let range):
            guard range.count <= Self.lineByteLimit else {
                throw ProcessorError(
                    "it has \(range.count) bytes, more than the limit of \(Self.lineByteLimit); give large images by their paths"
                )
            }
            let line = data.withUnsafeBytes { [UInt8]($0[range]) }
            do {
                return try StrictJSON(line, depthLimit: Self.depthLimit)
            } catch {
                throw ProcessorError(error.reason)
            }
        }
    }

    /// Refuses two questions with one identifier: nobody could tell their answers apart.
    private func requireDistinctIDs() throws(ProcessorError) {
        var known: [String: (number: Int, isOwn: Bool)] = [:]
        for index in entries.indices {
            let own = ownID(index)
            let id = own?.text ?? "\(number(index))"
            guard let first = known.updateValue((number(index), own != nil), forKey: id) else { continue }
            let numbering = first.isOwn && own != nil ? "" : " (the default id is the \(noun)'s number)"
            throw ProcessorError(
                "\(name): \(noun)s \(first.number) and \(number(index)) have the same id \"\(id.prefix(100))\"\(numbering); "
                    + "give every question a unique id")
        }
    }
}

extension QuestionFile {
    /// Whether a file begins with a question rather than a caption or a conversation, told by its first object alone.
    package static func holdsQuestions(_ data: Data) -> Bool {
        guard let object = firstObject(data), let json = try? json(object) else { return false }
        return json.questions != nil || QuestionRecord.isQuestion(json)
    }

    /// The bytes from the first brace to the one that closes it.
    private static func firstObject(_ data: Data) -> Data? {
        guard let start = data.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for place in data[start...].indices {
            switch (data[place], isInString) {
            case _ where isEscaped: isEscaped = false
            case (UInt8(ascii: "\\"), true): isEscaped = true
            case (UInt8(ascii: "\""), _): isInString.toggle()
            case (UInt8(ascii: "{"), false): depth += 1
            case (UInt8(ascii: "}"), false):
                depth -= 1
                if depth == 0 { return data[start...place] }
            default: break
            }
        }
        return nil
    }

    /// The lines that are not empty.
    private static func lines(_ data: Data) -> [Entry] {
        data.withUnsafeBytes { bytes in
            bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().compactMap { index, line in
                line.allSatisfy(isSpace)
                    ? nil : .line(number: index + 1, bytes: line.startIndex..<line.endIndex)
            }
        }
    }

    /// Whether a line of such bytes is empty; zeros, which a power cut leaves in a file, are not.
    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0D].contains(byte) }

    /// The list that the file is, or that its key `questions` has; nil for a file of lines.
    private static func list(_ data: Data, name: String) throws(ProcessorError) -> [StrictJSON]? {
        let start = data.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard let first = data.dropFirst(start).first(where: { !isSpace($0) && $0 != 0x0A }) else { return nil }
        if first == UInt8(ascii: "[") {
            do {
                guard case .array(let list) = try json(data) else { return nil }
                return list
            } catch {
                throw ProcessorError("\(name) is not a list of questions: \(error.reason)")
            }
        }
        // VQA's files: one object, on one line or on many. A file of lines has an object on its first line, of another kind.
        let line = data.prefix { $0 != 0x0A }
        if let object = try? json(line), object.questions == nil { return nil }
        return (try? json(data))?.questions
    }

    private static func json(_ data: Data) throws(StrictJSON.Malformed) -> StrictJSON {
        let result = data.withUnsafeBytes { bytes in
            Result { () throws(StrictJSON.Malformed) in try StrictJSON(bytes, depthLimit: depthLimit) }
        }
        return try result.get()
    }
}

extension StrictJSON {
    /// The list of the key `questions`.
    fileprivate var questions: [StrictJSON]? {
        guard case .object(let members) = self,
            case .array(let list)? = members.first(where: { $0.key == "questions" })?.value
        else { return nil }
        return list
    }
}
