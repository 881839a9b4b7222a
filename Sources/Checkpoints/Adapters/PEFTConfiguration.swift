internal import NN

/// The keys of PEFT's `adapter_config.json` that matter here; others are left alone, because each version adds some.
struct PEFTConfiguration: Codable {
    /// A list of the ends of module paths, or one regular expression.
    enum Targets: Codable {
        case list([String])
        case expression(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .expression(text)
            } else {
                self = .list(try container.decode([String].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .list(let names): try container.encode(names)
            case .expression(let text): try container.encode(text)
            }
        }
    }

    /// `init_lora_weights`: true or false, or a method's name.
    struct Initialization: Codable {
        let name: String?

        init(from decoder: any Decoder) throws {
            name = try? decoder.singleValueContainer().decode(String.self)
        }

        func encode(to encoder: any Encoder) throws {}

        /// Whether the method begins by changing the weights that the adapter stands beside.
        var changesBase: Bool {
            let name = (name ?? "").lowercased()
            return ["pissa", "olora", "corda", "loftq", "lora_ga"].contains { name.hasPrefix($0) }
        }
    }

    /// A key that only matters by being empty.
    struct Contents: Codable {
        let isEmpty: Bool

        init(from decoder: any Decoder) throws {
            if let list = try? decoder.unkeyedContainer() {
                isEmpty = list.isAtEnd
            } else if let object = try? decoder.container(keyedBy: AnyKey.self) {
                isEmpty = object.allKeys.isEmpty
            } else {
                isEmpty = false
            }
        }

        func encode(to encoder: any Encoder) throws {}

        private struct AnyKey: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
    }

    var peftType: String?
    var r: Int?
    var loraAlpha: Double?
    var loraDropout: Double?
    var targetModules: Targets?
    var baseModelNameOrPath: String?
    var bias: String?
    var fanInFanOut: Bool?
    var useRslora: Bool?
    var useDora: Bool?
    var loraBias: Bool?
    var useQalora: Bool?
    var initLoraWeights: Initialization?
    var inferenceMode: Bool?
    var modulesToSave: Contents?
    var rankPattern: Contents?
    var alphaPattern: Contents?
    var layerReplication: Contents?
    var targetParameters: Contents?
    var trainableTokenIndices: Contents?
    var aloraInvocationTokens: Contents?
    var excludeModules: Contents?
    var layersToTransform: Contents?

    init(_ adaptation: LowRankAdaptation, layers: [String], baseModel: String?) {
        peftType = "LORA"
        r = adaptation.rank
        loraAlpha = adaptation.alpha
        loraDropout = adaptation.dropout
        targetModules = .list(layers)
        baseModelNameOrPath = baseModel
        bias = "none"
        fanInFanOut = false
        useRslora = adaptation.scalesByRootOfRank
        inferenceMode = true
    }

    /// The list of targets, where it says by itself which layers are adapted.
    var listedTargets: [String]? {
        guard case .list(let names)? = targetModules, excludeModules?.isEmpty != false,
            layersToTransform?.isEmpty != false
        else { return nil }
        return names
    }

    /// Why such an adapter cannot be used, after the file's name; nil when it can.
    var refusal: String? {
        if let peftType, peftType != "LORA" { return "says peft_type \(peftType); only LORA is supported" }
        if let bias, bias != "none" {
            return "says bias \(bias): adapters with trained biases are unsupported; only none is supported"
        }
        let switches = [
            ("use_dora", useDora), ("fan_in_fan_out", fanInFanOut), ("lora_bias", loraBias),
            ("use_qalora", useQalora),
        ]
        if let key = switches.first(where: { $0.1 == true })?.0 { return "has \(key), which is unsupported" }
        let contents = [
            ("modules_to_save", modulesToSave), ("rank_pattern", rankPattern), ("alpha_pattern", alphaPattern),
            ("layer_replication", layerReplication), ("target_parameters", targetParameters),
            ("trainable_token_indices", trainableTokenIndices), ("alora_invocation_tokens", aloraInvocationTokens),
        ]
        if let key = contents.first(where: { $0.1?.isEmpty == false })?.0 {
            return "has \(key), which is unsupported; merge the adapter with PEFT and use the whole model"
        }
        if let initLoraWeights, initLoraWeights.changesBase {
            return
                "says init_lora_weights \(initLoraWeights.name ?? ""), which also changes the base weights; convert it "
                + "to a plain LoRA with PEFT, or merge it there and use the whole model"
        }
        return nil
    }
}
