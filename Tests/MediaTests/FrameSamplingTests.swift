import Foundation
import Media
import Testing

@Suite("Frames that stand for a clip") struct FrameSamplingTests {
    private struct Case: Decodable {
        let total: Int
        let count: Int
        let frames: [Int]
    }

    @Test func `They are those that the published code takes`() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("SyrinxModelsTests/Fixtures/mplug-owl-video/frames.json")
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: path))
        #expect(cases.count > 50)
        for entry in cases {
            #expect(
                FrameSampling.indices(count: entry.count, of: entry.total) == entry.frames,
                "\(entry.count) of \(entry.total)")
        }
    }
}
