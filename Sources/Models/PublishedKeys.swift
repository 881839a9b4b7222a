import Settings

/// Which keys of an object in a `config.json` bear on a model's numbers, so that none is passed over in silence.
public struct PublishedKeys: Sendable {
    /// The values that leave a mechanism off.
    public enum Off: Sendable {
        /// None: the key must be null, or an empty list or object.
        case nothing
        case bool(Bool)
        case number(Double)
        /// These words alone, one or a list of them.
        case text(Set<String>)
    }

    /// What errors call the object, such as `language model`.
    public var part: String
    /// Keys that the family reads.
    public var read: Set<String> = []
    /// Keys of mechanisms that Syrinx does not have, and what leaves each off; null always does.
    public var switches: [String: Off] = [:]
    /// Keys that change no answer, besides those that any object may have.
    public var harmless: Set<String> = []
    /// Objects within the object.
    public var objects: [String: PublishedKeys] = [:]

    /// The keys of an object; a family adds what else it knows.
    public init(
        part: String = "model", read: Set<String> = [], switches: [String: Off] = [:], harmless: Set<String> = [],
        objects: [String: PublishedKeys] = [:]
    ) {
        self.part = part
        self.read = read
        self.switches = switches
        self.harmless = harmless
        self.objects = objects
    }

    /// The paths of the keys that nothing is known of, in the order of the file.
    ///
    /// - Throws: ``ModelError`` naming the first mechanism that is on and that Syrinx does not have.
    func unknown(in json: StrictJSON, at path: [String] = []) throws(ModelError) -> [String] {
        guard case .object(let members) = json else { return [] }
        var unknown: [String] = []
        for (key, value) in members {
            if let object = objects[key] {
                unknown += try object.unknown(in: value, at: path + [key])
            } else if let off = switches[key] ?? Self.anywhere[key] {
                try check(key, value, off)
            } else if !read.contains(key), !harmless.contains(key), !HarmlessKeys.anywhere.contains(key) {
                unknown.append((path + [key]).joined(separator: "."))
            }
        }
        return unknown
    }

    /// `; did you mean "head_count"?` where a known key is near.
    func suggestion(for path: String) -> String {
        let parts = path.split(separator: ".").map(String.init)
        let place = parts.dropLast().reduce(self) { $0.objects[$1] ?? $0 }
        let near = parts.last.flatMap { NearestName.find($0, among: place.read.union(place.objects.keys).sorted()) }
        return near.map { "; did you mean \"\($0)\"?" } ?? ""
    }

    private func check(_ key: String, _ value: StrictJSON, _ off: Off) throws(ModelError) {
        guard !value.isOff(off) else { return }
        throw ModelError(
            message:
                "the \(part)'s \(key) is \(value.shown), an unsupported mechanism; give a checkpoint without it"
        )
    }

    /// Switches that any object may have.
    private static let anywhere: [String: Off] = [
        "add_cross_attention": .bool(false), "is_encoder_decoder": .bool(false), "pruned_heads": .nothing,
        "quantization_config": .nothing,
    ]
}

extension StrictJSON {
    fileprivate func isOff(_ off: PublishedKeys.Off) -> Bool {
        switch (self, off) {
        case (.null, _): true
        case (.array(let elements), .text): elements.allSatisfy { $0.isOff(off) }
        case (.array(let elements), .nothing): elements.isEmpty
        case (.object(let members), .nothing): members.isEmpty
        case (.bool(let value), .bool(let wanted)): value == wanted
        case (.number(let digits), .number(let wanted)): Double(digits) == wanted
        case (.string(let word), .text(let words)): words.contains(word)
        default: false
        }
    }

    /// A value in an error, or what kind of value it is.
    fileprivate var shown: String {
        switch self {
        case .bool(let value): "\(value)"
        case .number(let digits): String(digits.prefix(40))
        case .string(let text): String(text.prefix(80)).debugDescription
        default: kind
        }
    }
}

/// Keys of a published `config.json` that change no number of a forward pass.
enum HarmlessKeys {
    /// What transformers 4 and 5 write into every object: names, places, training, and defaults of generation that the
    /// authors' own code does not read from there.
    static let anywhere: Set<String> = Set(
        """
        _name_or_path _commit_hash _attn_implementation _attn_implementation_autoset architectures attn_implementation
        auto_map bad_words_ids begin_suppress_tokens bos_token_id chunk_size_feed_forward cross_attention_hidden_size
        custom_pipelines decoder_start_token_id diversity_penalty do_sample dtype early_stopping
        encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
        forced_eos_token_id gradient_checkpointing id2label is_decoder label2id length_penalty max_length min_length
        model_type no_repeat_ngram_size num_beam_groups num_beams num_labels num_return_sequences output_attentions
        output_hidden_states output_scores pad_token_id prefix problem_type remove_invalid_values repetition_penalty
        return_dict return_dict_in_generate sep_token_id suppress_tokens task_specific_params temperature
        tf_legacy_loss tie_encoder_decoder tie_word_embeddings tokenizer_class top_k top_p torch_dtype torchscript
        transformers_version typical_p unk_token_id use_bfloat16
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
