import Files
import Foundation
import TestSupport
import Testing

@Suite struct AppendFileTests {
    private let path = NSTemporaryDirectory() + "append-\(UUID().uuidString)"

    private func lines() throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test(arguments: [true, false])
    func `No line of many threads is lost or cut, through one open file or through many`(shared: Bool) async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let one = try AppendFile(path)
        // Lengths that pass the system's pages.
        @Sendable func line(_ thread: Int, _ number: Int) -> String {
            "\(thread) \(number) " + String(repeating: "x", count: number * 331)
        }
        try await onOwnThreads(8) { thread in
            for number in 0..<30 {
                let file = shared ? one : try AppendFile(path)
                try file.append(line: Array(line(thread, number).utf8))
            }
        }
        let expected = (0..<8).flatMap { thread in (0..<30).map { line(thread, $0) } }
        #expect(try lines().sorted() == expected.sorted())
    }

    @Test func `A cut line is ended before the next`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AppendFile(path).append(Array("one\ntw".utf8))
        try AppendFile(path).append(line: Array("three".utf8))
        #expect(try lines() == ["one", "tw", "three"])
    }

    @Test func `What cannot be opened says why, and a file that must be new is not one that is there`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let missing = #expect(throws: FileFailure.self) { try AppendFile("/proc/none/file") }
        #expect(missing?.reason == "No such file or directory")
        _ = try AppendFile(path, mustBeNew: true)
        let taken = #expect(throws: FileFailure.self) { try AppendFile(path, mustBeNew: true) }
        #expect(taken?.code == EEXIST)
    }
}
