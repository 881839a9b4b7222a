import Media
import Processors
import Syrinx
import SyrinxModels
import Testing

@Suite struct QuestionTests {
    private let image = ImageReference(.image(Image(width: 2, height: 2)), name: "a.png")

    private func question(_ text: String, images: Int, videos: Int = 0) -> Question {
        var question = Question(text: MarkedText(text))
        question.examples = [(image, "A cat.")]
        question.images = Array(repeating: image, count: images)
        question.videos = Array(repeating: VideoReference(path: "a.mp4"), count: videos)
        return question
    }

    @Test func `With examples a question has places for one image at most, and the reason is said`() throws {
        let template = ModelRegistry.conversationTemplate
        #expect(try question("Which?", images: 2, videos: 1).messages(in: template).count == 3)
        #expect(try question("<image>Which?", images: 1).messages(in: template).count == 3)
        for (text, images, videos) in [("<image> or <image>?", 2, 0), ("<video>Which?", 0, 1)] {
            let error = #expect(throws: SyrinxError.self) {
                try question(text, images: images, videos: videos).messages(in: template)
            }
            #expect(
                error?.description.hasPrefix("with examples a question has at most one <image> placeholder") == true)
        }
        // A document's examples ask nothing.
        #expect(try question("<image> or <image>?", images: 2).messages(in: .document).count == 3)
    }
}
