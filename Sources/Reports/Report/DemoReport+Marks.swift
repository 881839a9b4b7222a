import Evaluation

extension DemoReport {
    /// Sources whose last validation loss is not below their first.
    package var risingSources: [String] {
        curves.filter { $0.split == "validation" }.compactMap { curve in
            guard let first = curve.losses.first, let last = curve.losses.last, curve.losses.count > 1 else {
                return nil
            }
            return last < first ? nil : curve.source
        }
    }

    /// The marks that the scores miss, each in words.
    package var missedMarks: [String] {
        guard let evaluation else { return [] }
        return passMarks.filter { !$0.passes(in: evaluation) }.map { mark in
            let bound = mark.atLeast.map { "at least \($0)" } ?? mark.atMost.map { "at most \($0)" } ?? ""
            let measured = mark.measured(in: evaluation).map { "\(($0 * 1000).rounded() / 1000)" } ?? "not measured"
            return "\(mark.task)\(mark.control.map { ", \($0) control" } ?? ""): \(measured), should be \(bound)"
        }
    }
}
