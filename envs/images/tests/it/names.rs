//! Names of images.

use expect_test::expect;
use images::{ImageScheme, ImageSettings};
use tool_core::Source;

fn image(settings: &ImageSettings, row_image: Option<&str>) -> String {
    let image = settings.image("Project-MONAI__MONAI-1", row_image, ImageScheme::SweGym);
    let Source::Container { name, platform } = image.source else { panic!("a container") };
    format!("{name} {}", platform.as_deref().unwrap_or("native"))
}

#[test]
fn images_are_named_by_scheme_or_row() {
    let default = ImageSettings::default();
    let scheme = |scheme| ImageSettings { scheme: Some(scheme), ..ImageSettings::default() };
    let mine =
        ImageSettings { prefix: Some("ghcr.io/me".to_owned()), tag: "v1".to_owned(), ..ImageSettings::default() };
    let arm = ImageSettings { platform: Some("linux/arm64".to_owned()), ..scheme(ImageScheme::Local) };
    let native = ImageSettings { platform: Some("native".to_owned()), ..ImageSettings::default() };
    let lines = [
        image(&default, None),
        image(&default, Some("own/name:1")),
        image(&scheme(ImageScheme::SweBench), Some("own/name:1")),
        image(&mine, None),
        image(&arm, None),
        image(&native, None),
    ];
    expect![[r#"
        docker.io/xingyaoww/sweb.eval.x86_64.project-monai_s_monai-1:latest linux/amd64
        own/name:1 linux/amd64
        swebench/sweb.eval.x86_64.project-monai_1776_monai-1:latest linux/amd64
        ghcr.io/me/sweb.eval.x86_64.project-monai_s_monai-1:v1 linux/amd64
        sweb.eval.arm64.project-monai__monai-1:latest linux/arm64
        docker.io/xingyaoww/sweb.eval.x86_64.project-monai_s_monai-1:latest native"#]]
    .assert_eq(&lines.join("\n"));
}
