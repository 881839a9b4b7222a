/// The recipes of both mPLUG-Owls by name, and the study that compares their decoders.
enum MPLUGOwlRecipes {
    static let all = FamilyRecipes(
        [
            ("mplug-owl-stage1", { .mplugOwlStage1() }),
            ("mplug-owl-stage1-tiny", { .mplugOwlStage1Tiny() }),
            ("mplug-owl-stage2", { .mplugOwlStage2() }),
            ("mplug-owl-stage2-tiny", { .mplugOwlStage2Tiny() }),
            ("mplug-owl-stage2-full", { .mplugOwlStage2Full() }),
            ("mplug-owl-stage2-full-tiny", { .mplugOwlStage2FullTiny() }),
            ("mplug-owl2-stage1", { .mplugOwl2Stage1() }),
            ("mplug-owl2-stage1-tiny", { .mplugOwl2Stage1Tiny() }),
            ("mplug-owl2-stage2", { .mplugOwl2Stage2() }),
            ("mplug-owl2-stage2-tiny", { .mplugOwl2Stage2Tiny() }),
            ("mplug-owl2-lora", { .mplugOwl2LoRA() }),
            ("mplug-owl2-lora-tiny", { .mplugOwl2LoRATiny() }),
            ("owl2-from-owl-start", { .owl2FromOwlStart() }),
            ("owl2-from-owl", { .owl2FromOwl() }),
        ], studies: [DecoderStudy.self])
}
