package claims_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/internal/claims"
)

func ExampleFill() {
	const template = `{"sub": "{user}", "org_id": "{org}", "role": "authenticated"}`
	fmt.Println(claims.Fill(template, "7", "2"))
	fmt.Println(claims.Fill(template, `7"`, ""))
	fmt.Println(claims.Fill("user:{user}", "7", ""))
	// Output:
	// {"org_id":"2","role":"authenticated","sub":"7"}
	// {"role":"authenticated","sub":"7\""}
	// user:7
}

func ExamplePath() {
	fmt.Println(claims.Path(`{"app_metadata": {"org": "{org}"}, "sub": "{user}"}`, claims.Org))
	fmt.Println(claims.Path("{user}", claims.User))
	// Output:
	// [app_metadata org] true
	// [] true
}
