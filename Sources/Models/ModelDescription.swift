public import Media
public import Processors

/// What a family says of one of its models besides the network: how people talk with it, and how its images are prepared.
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

    /// The defaults are those of a model of documents that nobody published.
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
