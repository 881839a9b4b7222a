/// The keys of components in files of Syrinx's own form: their `Codable` form in snake case.
extension PublishedKeys {
    /// Those of a ``VisionTransformer``.
    public static let visionTransformer = PublishedKeys(
        part: "vision encoder",
        read: [
            "image_size", "stem", "hidden_size", "intermediate_size", "layer_count", "head_count", "activation",
            "norm_epsilon", "has_class_token", "has_pre_norm", "feature_layer", "projection_size",
        ])

    /// Those of a ``ConnectorConfig``.
    public static let connector = PublishedKeys(
        part: "connector", read: ["average_pool", "attention_pool", "c_abstractor"])

    /// Those of a ``LLaMADecoder``.
    public static let llamaDecoder = PublishedKeys(
        part: "language model",
        read: [
            "vocabulary_size", "hidden_size", "intermediate_size", "layer_count", "head_count",
            "key_value_head_count", "head_size", "context_length", "norm_epsilon", "rope_theta",
            "rope_scaling_factor", "rope_bands", "rope_layout", "ties_embeddings", "biases",
        ])
}
