import DataPipeline
import Evaluation
import Reports
import Testing
import Torch

@Suite struct LossLogTests {
    private static let log = """
        {"event":"start","time":1,"stage":"warm start","step":0}
        {"event":"step","time":1,"stage":"warm start","step":1,"loss":90.5,"elapsedSeconds":4}
        {"event":"validation","time":2,"stage":"main","step":0,"sources":[{"name":"emoji","loss":8.3},{"name":"text","loss":8.4}]}
        {"event":"step","time":3,"stage":"main","step":2,"loss":8.0,"elapsedSeconds":1.5}
        {"event":"step","time":3,"stage":"main","step":3,"loss":9.0,"elapsedSeconds":2}
        {"event":"step","time":4,"stage":"main","step":3,"loss":7.0,"elapsedSeconds":3}
        {"event":"step","time":4,"stage":"main","step":4,"loss":"NaN","elapsedSeconds":4}
        {"event":"validation","time":5,"stage":"main","step":4,"sources":[{"name":"emoji","loss":2.1},{"name":"text","loss":5.2}]}
        {"event":"step","time":5,"sta
        """

    @Test func `curves come back per source, the last line of a step counts, cut lines do not matter`() throws {
        let read = LossLog(Array(Self.log.utf8))
        #expect(read.curves.map(\.source) == ["emoji", "text", "all (training)"])
        #expect(read.curves[0].steps == [0, 4] && read.curves[0].losses == [8.3, 2.1])
        #expect(read.curves[2].steps == [2, 3] && read.curves[2].losses == [8, 7])
        #expect(read.stageSeconds.map(\.stage) == ["warm start", "main"])
        #expect(read.stageSeconds.map(\.seconds) == [4, 4])
    }

    @Test func `long training curves become means of neighbours`() throws {
        let lines = (1...100).map { "{\"event\":\"step\",\"stage\":\"main\",\"step\":\($0),\"loss\":\($0)}" }
        let read = LossLog(Array(lines.joined(separator: "\n").utf8), pointLimit: 10)
        #expect(read.curves[0].steps.count == 10)
        #expect(read.curves[0].steps.last == 100)
        #expect(read.curves[0].losses[0] == 5.5)
    }

    @Test func `an empty log gives no curves`() {
        #expect(LossLog([]).curves.isEmpty)
    }
}

@Suite struct GalleryTests {
    private static func item(_ number: Int, _ source: String, _ licence: String) -> CaptionedSet.Item {
        CaptionedSet.Item(
            id: "\(source)/\(number)", source: source, caption: .init(name: "x"),
            provenance: .init(package: "p", version: "1", path: "f", licence: licence), png: [])
    }

    @Test func `only works that may be shown freely are pictured, evenly from every source`() {
        let items =
            (0..<10).map { Self.item($0, "emoji", "OFL-1.1 AND Unicode-DFS-2016") }
            + (0..<10).map { Self.item($0, "icons", "GPL-2.0-only") }
            + (0..<3).map { Self.item($0, "clipart", "LicenseRef-Public-Domain") }
        let set = CaptionedSet(split: .test, items: items, pixelValues: Tensor.zeros([23, 3, 2, 2]))
        let chosen = DemoReport.gallery(of: set, count: 6).map { items[$0].source }
        #expect(chosen == ["clipart", "clipart", "clipart", "emoji", "emoji", "emoji"])
        #expect(!DemoReport.isFree("GFDL-1.2-no-invariants-or-later") && !DemoReport.isFree("LGPL-3.0-or-later"))
    }
}
