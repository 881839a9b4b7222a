import Foundation
import SyrinxCommand
import TestSupport
import Testing

extension Playground {
    /// A text with `ROOT` replaced by the folder's path.
    func resolved(_ text: String) -> String { text.replacingOccurrences(of: "ROOT", with: root) }
}

@Suite("Bad input", PlaygroundTrait(), .blocks)
struct BadInputTests {
    /// What only a programmer would understand.
    static let leaks = [
        "Error Domain", "DecodingError", "CodingKey", "Swift", "Optional(", ".swift", "fatal", "(null)",
    ]

    @Test("is one sentence with status 1 or 2, and nothing is lost", arguments: BadInput.all)
    func oneSentence(input: BadInput) throws {
        let playground = Playground.current
        // Inside this process: starting the program takes a quarter of a second each time, mostly for libtorch.
        let (message, status) = SyrinxCommand.outcome(of: input.arguments(playground))
        #expect(status == input.status, "\(message)")
        let lines = message.split(separator: "\n")
        #expect(lines.first?.hasPrefix("error: ") == true, "\(message)")
        // After a wrong command line, ArgumentParser says how it is used; nothing else may follow.
        let rest = lines.dropFirst()
        #expect(
            rest.allSatisfy { line in ["Usage: ", "Help: ", "  See "].contains { line.hasPrefix($0) } }, "\(message)")
        for part in input.expected.map(playground.resolved) { #expect(message.contains(part), "\(message)") }
        for leak in Self.leaks { #expect(!message.contains(leak), "\(message)") }
    }

    @Test("comes out of the program on standard error alone, with its status", arguments: [0, 20, 30, 60])
    func process(index: Int) throws {
        let input = BadInput.all[index]
        let result = try SyrinxProcess.run(input.arguments(Playground.current))
        #expect(result.status == input.status)
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }.count == 1, "\(result.errors)")
    }

    @Test("a pipe that nobody reads ends the program quietly")
    func closedPipe() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let process = Process()
        process.executableURL = SyrinxProcess.program
        process.arguments = ["generate", "--model", Playground.current.model, "name:"]
        process.standardOutput = pipe
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 141)
        let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text == "interrupted\n")
    }

    @Test("help that does not reach its file whole, as on a full disk, is a failure")
    func lostHelp() throws {
        let run = try SyrinxProcess.run(["--help"], fileSizeLimit: 512)
        #expect(run.status == 1 && run.errors.contains("cannot write to standard output"), "\(run.errors)")
    }

    @Test("of at least thirty kinds is tried")
    func enough() { #expect(Set(BadInput.all.map(\.testDescription)).count >= 80) }
}
