public import Media
public import Processors

/// What a family's authors say of a model and its network does not hold: values for one configuration.
public struct ModelDescription: Sendable {
    /// How its conversations are written, unless its folder says otherwise.
    public var chatTemplate: ChatTemplate
    /// How its authors sample answers.
    public var recommendedSampling: RecommendedSampling
    /// Side of the square images it reads, in pixels; nil where any size will do.
    public var imageSize: Int?
    /// How images become square where a published `preprocessor_config.json` leaves it to the system's code; nil for
    /// families of which only Syrinx's own form exists.
    public var publishedResize: ImageProcessor.Resize?

    /// Values of a family; the defaults hold for families without published code.
    public init(
        chatTemplate: ChatTemplate = .document, recommendedSampling: RecommendedSampling = RecommendedSampling(),
        imageSize: Int? = nil, publishedResize: ImageProcessor.Resize? = nil
    ) {
        self.chatTemplate = chatTemplate
        self.recommendedSampling = recommendedSampling
        self.imageSize = imageSize
        self.publishedResize = publishedResize
    }
}
