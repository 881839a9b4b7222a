package import Settings

/// One question of a file of questions, in the forms in which the field writes them.
///
///     {"id": 17, "prompt": "<image>What is this?", "images": ["a.png"], "seed": 3}                  Syrinx's own
///     {"question_id": 0, "image": "001.jpg", "text": "What is this?", "category": "conv"}           LLaVA's
///     {"question_id": 1, "image": "1.jpg", "text": "Is there a dog?", "label": "no"}                POPE's
///     {"question_id": 2, "image": "2.jpg", "question": "What colour is it?", "answer": "red"}       VQA's
///
/// Marks in the text are those of ``MarkedText``. Keys that only describe the question are passed over, any other key is
/// refused by name.
package struct QuestionRecord: Sendable {
    package var id: RecordID?
    /// What is asked, with its marks; line ends beside marks are gone where the form is not Syrinx's own.
    package var text = MarkedText("")
    /// Paths as the file has them.
    package var images: [String] = []
    package var videos: [String] = []
    /// Frames to look at of each video.
    package var frames: Int?
    /// Seed of the sampling.
    package var seed: UInt64?
    /// Earlier turns, as ``Turn`` lists.
    package var turns: [Turn] = []
    /// What would be right.
    package var answers: [String] = []
    /// The group of questions that it belongs to.
    package var category: String?

    /// A part of an earlier turn: text or the path of an image, and whose it is.
    package struct Turn: Sendable {
        package var text, image, role: String?
    }

    private enum Key {
        static let id = ["id", "question_id", "questionId"]
        static let text = ["prompt", "text", "question", "query"]
        static let images = ["images", "image"]
        static let videos = ["videos", "video"]
        static let answers = ["answers", "answer", "label", "response"]
        static let own = ["frames", "conversation", "seed", "category"]
        /// What says nothing that an answer depends on.
        static let describing: Set<String> = [
            "question_type", "answer_type", "data_type", "image_id", "dataset", "split", "source", "width", "height",
        ]
        static let known = id + text + images + videos + own + answers
    }

    /// Reads one question.
    /// - Throws: ``ProcessorError`` that names the key and what is wrong with it.
    package init(_ json: StrictJSON) throws(ProcessorError) {
        guard case .object(let members) = json else {
            throw ProcessorError("it is \(json.kind), but a question is an object, {\"prompt\": \"...\"}")
        }
        for (key, _) in members where !Key.known.contains(key) && !Key.describing.contains(key) {
            throw ProcessorError("the key " + NearestName.unknownChoice(key, among: Key.known))
        }
        let values = Values(members)
        for key in Key.id {
            switch values.value(key) {
            case nil, .string?, .number?: continue
            case let value?: throw ProcessorError("\(key) should be text or a number, not \(value.kind)")
            }
        }
        id = Self.id(members)
        images = try values.paths(Key.images)
        videos = try values.paths(Key.videos)
        if images.isEmpty, videos.isEmpty, values.present(["image_id"]).first != nil,
            try values.one(of: Key.images) == nil
        {
            throw ProcessorError(
                "it names its image only by image_id, which is not a file; write the file's path as \"image\"")
        }
        if let (key, value) = try values.one(of: Key.text) {
            let marked = MarkedText(try values.text(key, value))
            text = key == Key.text[0] ? marked : marked.withoutLineEndsAtPlaces
        }
        frames = try values.number("frames", "a whole number") { Int($0) }
        seed = try values.number("seed", "a whole number from 0 to \(UInt64.max)") { UInt64($0) }
        turns = try values.turns("conversation")
        if let (key, value) = try values.one(of: Key.answers) { answers = try values.answers(key, value) }
        category = try values.text("category")
    }

    /// The identifier of a question whose other keys may be wrong; nil where it has none.
    package static func id(of json: StrictJSON) -> RecordID? {
        if case .object(let members) = json { id(members) } else { nil }
    }

    private static func id(_ members: [(key: String, value: StrictJSON)]) -> RecordID? {
        for key in Key.id {
            switch members.first(where: { $0.key == key })?.value {
            case .string(let text)?: return RecordID(text)
            case .number(let digits)?: return RecordID(digits: digits)
            default: continue
            }
        }
        return nil
    }

    /// Whether an object looks like a question with its image rather than a caption or a conversation.
    package static func isQuestion(_ json: StrictJSON) -> Bool {
        guard case .object(let members) = json else { return false }
        let keys = Set(members.map(\.key))
        guard keys.isDisjoint(with: ["conversations", "messages", "task_type", "captions", "caption"]) else {
            return false
        }
        if !keys.isDisjoint(with: ["question_id", "questionId", "question", "prompt", "query"]) { return true }
        // Records for training have a text, too, with its roles in it.
        guard case .string(let text)? = members.first(where: { $0.key == "text" })?.value else { return false }
        return text.firstRange(ofScalars: "AI: ") == nil
    }
}
