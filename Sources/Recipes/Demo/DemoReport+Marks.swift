import Evaluation

extension DemoReport {
    /// What three seeds of the demo must each reach on held-out emoji, with bfloat16 on a CPU with AMX.
    static var demoMarks: [PassMark] {
        let colour = "dominant colour", group = "group"
        return [
            PassMark(task: colour, population: "emoji", atLeast: 0.55),
            PassMark(task: colour, population: "emoji", control: "blank picture", atMost: 0.25),
            PassMark(task: colour, population: "emoji", control: "shuffled pictures", atMost: 0.25),
            PassMark(task: "which of 4 images (full caption)", population: "emoji", atLeast: 0.75),
            PassMark(task: group, population: "emoji", atLeast: 0.22),
        ]
    }

    /// Sources whose last validation loss is not below their first.
    var risingSources: [String] {
        curves.filter { $0.split == "validation" }.compactMap { curve in
            guard let first = curve.losses.first, let last = curve.losses.last, curve.losses.count > 1 else {
                return nil
            }
            return last < first ? nil : curve.source
        }
    }

    /// The marks that the scores miss, each in words.
    var missedMarks: [String] {
        guard let evaluation else { return [] }
        return passMarks.filter { !$0.passes(in: evaluation) }.map { mark in
            let bound = mark.atLeast.map { "at least \($0)" } ?? mark.atMost.map { "at most \($0)" } ?? ""
            let measured = mark.measured(in: evaluation).map { "\(($0 * 1000).rounded() / 1000)" } ?? "not measured"
            return "\(mark.task)\(mark.control.map { ", \($0) control" } ?? ""): \(measured), should be \(bound)"
        }
    }
}
