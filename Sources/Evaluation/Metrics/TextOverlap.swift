/// Word overlap between a generated text and a true one, as SQuAD's F1.
public enum TokenF1 {
    /// Lower-case runs of letters and digits with the accents and vowel signs behind them; what is never shown (joiners,
    /// variation selectors) does not count. Composed and decomposed spellings are the same word.
    ///
    /// Unlike SQuAD's script, articles are kept: names here are a few words long.
    public static func words(_ text: String) -> [String] {
        var words = [String.UnicodeScalarView()]
        for scalar in text.lowercased().unicodeScalars where !scalar.properties.isDefaultIgnorableCodePoint {
            if scalar.isLetterOrNumber || scalar.isMark && !words[words.count - 1].isEmpty {
                words[words.count - 1].append(scalar)
            } else if !words[words.count - 1].isEmpty {
                words.append(String.UnicodeScalarView())
            }
        }
        return words.filter { !$0.isEmpty }.map { String($0) }
    }

    /// Harmonic mean of precision and recall over the words as multisets, `0 ... 1`; two empty texts score 1.
    public static func score(_ generated: String, _ truth: String) -> Double {
        let generated = words(generated)
        let truth = words(truth)
        if generated.isEmpty || truth.isEmpty { return generated.isEmpty && truth.isEmpty ? 1 : 0 }
        var remaining = [String: Int]()
        for word in truth { remaining[word, default: 0] += 1 }
        var shared = 0
        for word in generated {
            guard let count = remaining[word], count > 0 else { continue }
            remaining[word] = count - 1
            shared += 1
        }
        guard shared > 0 else { return 0 }
        let precision = Double(shared) / Double(generated.count)
        let recall = Double(shared) / Double(truth.count)
        return 2 * precision * recall / (precision + recall)
    }

    /// The best score over several true texts, as SQuAD takes it; 0 where there are none.
    public static func score(_ generated: String, references: [String]) -> Double {
        references.map { score(generated, $0) }.max() ?? 0
    }
}

/// Whether a generated text says exactly what a true one says.
///
/// Both are normalised before they are compared: lower case, and every run of characters that are neither letters nor
/// digits is one space, so that "Tomato!" equals "tomato". Word order and articles count.
public enum ExactMatch {
    /// The form that is compared: the words of ``TokenF1/words(_:)``, joined by spaces.
    public static func normalised(_ text: String) -> String { TokenF1.words(text).joined(separator: " ") }

    /// 1 when the text equals any of the references, else 0.
    public static func score(_ generated: String, references: [String]) -> Double {
        let generated = normalised(generated)
        return references.contains { normalised($0) == generated } ? 1 : 0
    }
}

extension Unicode.Scalar {
    /// A letter or a digit of any script.
    var isLetterOrNumber: Bool { !isMark && properties.isAlphabetic || isNumber }

    /// A digit or another sign of a number.
    var isNumber: Bool { properties.numericType != nil }

    /// What belongs to the letter before it: an accent or a vowel sign.
    var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark: !properties.isDefaultIgnorableCodePoint
        default: false
        }
    }
}
