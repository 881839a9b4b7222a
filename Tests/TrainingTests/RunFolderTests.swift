import Foundation
import Testing
import Training

@Suite("Run folders") struct RunFolderTests {
    @Test("A run that never took a step is no obstacle; one that took a step or saved a checkpoint is")
    func begunOrNot() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = try RunFolder(path: path, resume: false)
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
}
