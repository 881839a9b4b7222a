import Foundation
import Testing
import Training

@Suite("Run folders") struct RunFolderTests {
    @Test("A run that never took a step is no obstacle; one that took a step or saved a checkpoint is")
    func begunOrNot() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = try RunFolder(path: path, resume: false)
        folder.release()
        try Data("seed: 0".utf8).write(to: URL(fileURLWithPath: folder.recipe))
        let log = try JSONLinesObserver(path: folder.log)
        log.onMessage("no corpus there")
        _ = try RunFolder(path: path, resume: false)

        try Data("{\"event\":\"step\"}\n".utf8).write(to: URL(fileURLWithPath: folder.log))
        #expect(throws: ConfigError.self) { try RunFolder(path: path, resume: false) }
        _ = try RunFolder(path: path, resume: true)

        try FileManager.default.removeItem(atPath: folder.log)
        _ = try RunFolder(path: path, resume: false)
        try FileManager.default.createDirectory(
            atPath: folder.checkpoints + "/step-000001", withIntermediateDirectories: true)
        #expect(throws: ConfigError.self) { try RunFolder(path: path, resume: false) }
    }

    @Test("A run's folder has one owner: a second run, fresh or resumed, is refused and touches nothing")
    func oneOwner() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func entries() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
        let first = try RunFolder(path: path, resume: false)
        for resume in [false, true] {
            let before = try entries()
            let error = #expect(throws: ConfigError.self) { try RunFolder(path: path + "/", resume: resume) }
            #expect(
                error?.description
                    == "\(path): another process is training here; wait until it ends, or give another --output")
            #expect(try entries() == before)
        }
        first.release()
        let second = try RunFolder(path: path, resume: true)
        #expect(throws: ConfigError.self) { try RunFolder(path: path, resume: true) }
        second.release()
    }
}
