package journal

func helperMain() bool { return false }
